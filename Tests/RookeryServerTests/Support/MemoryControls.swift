import Foundation
import RookeryModel
import RookeryServer

/// Repositories in memory.
actor MemoryRepositories: RepositoryControl {
  private var repositories: [RepositoryName: Repository] = [:]
  /// Readers of a log that wait for its next line.
  private(set) var waiting = 0
  private var logs: [RepositoryName: [BuildLine]] = [:]

  func put(_ repository: Repository, log: [BuildLine] = []) {
    repositories[repository.name] = repository
    logs[repository.name] = log
  }

  func add(_ request: API.AddRepository) async throws -> Repository {
    if repositories[request.name] != nil { throw RookeryError(.conflict, "The name “\(request.name)” is taken.", mend: "Take another.") }
    let repository = Repository(
      name: request.name, url: request.url, defaultBranch: request.defaultBranch ?? "main", description: request.description ?? "",
      hints: request.hints ?? [], agent: request.agent, added: Date())
    repositories[request.name] = repository
    return repository
  }

  func list() async throws -> [Repository] { repositories.values.sorted { $0.name < $1.name } }

  func get(_ name: RepositoryName) async throws -> Repository {
    guard let repository = repositories[name] else {
      throw RookeryError(.repositoryUnknown, "There is no repository “\(name)”.", mend: "Add it first.")
    }
    return repository
  }

  func remove(_ name: RepositoryName) async throws {
    _ = try await get(name)
    repositories[name] = nil
  }

  func build(_ name: RepositoryName, reason: BuildSummary.Reason, force: Bool) async throws -> BuildSummary {
    var repository = try await get(name)
    let build = BuildSummary(image: .random(prefix: "i-"), state: .running, started: Date(), reason: reason)
    repository.lastBuild = build
    repositories[name] = repository
    return build
  }

  private(set) var kept = API.Images(images: [])

  func keep(_ images: [API.ImageDetail], diskFreeMB: Int?) { kept = API.Images(images: images, diskFreeMB: diskFreeMB) }

  func images() async throws -> API.Images { kept }

  func buildLog(_ name: RepositoryName, after: Int, wait: Duration) async throws -> API.BuildLog {
    guard let build = try await get(name).lastBuild else { throw RookeryError(.notFound, "It was not built yet.") }
    let lines = (logs[name] ?? []).filter { $0.number > after }
    if lines.isEmpty, wait > .zero {
      waiting += 1
      defer { waiting -= 1 }
      try await Task.sleep(for: wait)
    }
    return API.BuildLog(build: build, lines: Array(lines.prefix(500)))
  }
}

/// Agents that install by saying so.
struct MemoryAgents: AgentControl {
  static let tested = AgentSummary(name: name("goodagent"), title: "Good <agent>", installed: true, tested: true)

  func list() async throws -> [AgentSummary] {
    [Self.tested, AgentSummary(name: Self.name("badagent"), title: "Bad agent", installed: false, tested: false)]
  }

  func install(_ name: AgentName, progress: @escaping @Sendable (BuildLine) -> Void) async throws -> BundleManifest? {
    progress(BuildLine(number: 1, step: "download", text: "Downloading \(name)"))
    progress(BuildLine(number: 2, step: "install", text: "Unpacking"))
    if name == Self.name("badagent") { throw RookeryError(.agentFailed, "It does not start.", mend: "Choose another.") }
    return nil
  }

  private static func name(_ text: String) -> AgentName {
    guard let name = AgentName(rawValue: text) else { preconditionFailure("a valid literal") }
    return name
  }
}

/// A pool that holds one ready sandbox for whoever asked.
actor MemoryPool: WarmControl {
  private let repositories: MemoryRepositories
  private(set) var asked: [RepositoryName: Set<UserID>] = [:]

  init(_ repositories: MemoryRepositories) { self.repositories = repositories }

  func warm(_ repository: RepositoryName, for user: UserID) async throws {
    _ = try await repositories.get(repository)
    asked[repository, default: []].insert(user)
  }

  func pool(of repository: RepositoryName) async throws -> API.Pool {
    _ = try await repositories.get(repository)
    let ready = (asked[repository] ?? []).map { _ in
      API.WarmSandbox(
        sandbox: .random(prefix: "warm-"), state: .ready, image: .random(prefix: "i-"), commit: String(repeating: "a", count: 40),
        agent: AgentName(rawValue: "goodagent"), began: Date(), memoryMB: 42)
    }
    return API.Pool(
      repository: repository, size: 3, target: 3, sandboxes: ready, problem: RookeryError(.agentFailed, "It does not start."))
  }
}
