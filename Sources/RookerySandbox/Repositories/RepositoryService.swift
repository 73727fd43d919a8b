import Foundation
import Logging
import RookeryConfiguration
import RookeryModel
import RookeryStore

/// The repositories that Rookery may work on, and their images. `run` carries out the builds.
package actor RepositoryService {
  let registry: Registry
  let provider: any SandboxProvider
  let builder: ImageBuilder
  nonisolated let configuration: Configuration
  package nonisolated let policy: SandboxPolicy
  let probe: RemoteProbe
  let logger: Logger
  /// Where credentials come from that the configuration does not have.
  private let credentials: (any GitCredentialSource)?
  let feed = BuildFeed()
  /// Builds that wait or run, by repository: at most one each.
  var active: [RepositoryName: ActiveBuild] = [:]
  /// Where `run` takes builds from; nil while it doesn't run.
  var queue: AsyncStream<ActiveBuild>.Continuation?
  /// When the builder looks at which tip by itself; nil where it never does.
  var schedule: BuildSchedule?
  /// Wakes the builder up: a repository was added, or a build ended.
  let scheduleChanges: AsyncStream<Void>
  let scheduleChanged: AsyncStream<Void>.Continuation
  /// A chance from 0 to 1 for what is spread over time.
  let chance: @Sendable () -> Double

  struct ActiveBuild: Sendable {
    var image: ImageID
    var repository: Repository
    var reason: BuildSummary.Reason
    /// Whether an image is built even when nothing changed, and from the base.
    var force = false
    var cancellation: BuildCancellation
  }

  /// - Parameters:
  ///   - authority: this installation's own.
  ///   - credentials: where credentials come from that the configuration does not have.
  ///   - chance: a number in 0…1, for spreading builds.
  package init(
    registry: Registry, provider: any SandboxProvider, gateway: GatewayClient, configuration: Configuration,
    authority: InstallationAuthority, credentials: (any GitCredentialSource)? = nil, logger: Logger,
    chance: @escaping @Sendable () -> Double = { .random(in: 0...1) }
  ) {
    policy = SandboxPolicy(configuration: configuration, authority: authority)
    self.chance = chance
    schedule = configuration.images.intervalSeconds.map { seconds in
      BuildSchedule(.init(interval: Double(seconds), longest: Double(configuration.images.longestWaitSeconds)))
    }
    (scheduleChanges, scheduleChanged) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    self.registry = registry
    self.credentials = credentials
    self.provider = provider
    self.configuration = configuration
    self.logger = logger
    builder = ImageBuilder(provider: provider, gateway: gateway, logger: logger)
    probe = RemoteProbe(policy: DestinationPolicy(privateHosts: configuration.network.privateHosts))
  }

  /// Adds a repository after its remote was asked for its branches.
  ///
  /// Throws `badRequest` (URL, branch or text), `conflict` (the name is taken, no such branch), `repositoryUnreachable`,
  /// `repositoryEmpty`.
  package func add(_ request: API.AddRepository) async throws -> Repository {
    let url = try RepositoryURL(request.url, for: request.name)
    try Self.check(request)
    let credential = await credential(for: request.name, url: url.text, push: false)
    if case .refused(let error) = credential { throw error }
    if case .basic = credential, !url.isEncrypted, !probe.policy.allowsPrivateAddresses(of: url) {
      throw RookeryError(
        .badRequest, "The credential of “\(request.name)” would travel to \(url.host) in the clear.", mend: "Give an https URL.")
    }
    try await refuseTaken(request.name)
    let head = try await probe.head(of: url, branch: request.defaultBranch, credential: credential)
    let repository = Repository(
      name: request.name, url: url.text, defaultBranch: head.branch, description: request.description ?? "",
      hints: request.hints ?? [], agent: request.agent, added: Date())
    try await registry.insert(repository)
    scheduleChanged.yield()
    return repository
  }

  /// By name.
  package func list() async throws -> [Repository] {
    try await registry.repositories().map(scheduled)
  }

  /// Throws `repositoryUnknown`.
  package func get(_ name: RepositoryName) async throws -> Repository {
    scheduled(try await registry.repository(name))
  }

  private func scheduled(_ repository: Repository) -> Repository {
    var repository = repository
    repository.nextLook = schedule?.next(repository.name)
    return repository
  }

  /// Forgets the repository, ending a build of it, and removes its images as far as nothing stands on them.
  package func remove(_ name: RepositoryName) async throws {
    _ = try await registry.repository(name)
    if let build = active[name] {
      build.cancellation.cancel()
      _ = try await outcome(of: build.image)
    }
    try await registry.removeRepository(name)
    await removeImages(of: name)
  }

  /// What the gateway adds to git's requests for this repository.
  package func credential(for name: RepositoryName, push: Bool) async -> CredentialAnswer {
    do { return await credential(for: name, url: try await registry.repository(name).url, push: push) } catch {
      return .refused(error as? RookeryError ?? RookeryError(.unavailable, "The repository can't be looked up.", context: "\(error)"))
    }
  }

  /// The credential that the configuration has for this name, if it is meant for this address; else the forge's.
  nonisolated func credential(for name: RepositoryName, url: String, push: Bool) async -> CredentialAnswer {
    let settings = configuration.repositories[name]
    if let settings, settings.gitToken != nil || credentials != nil, let meant = settings.url,
      (try? RepositoryURL(meant, for: name))?.text != url
    {
      return .refused(
        RookeryError(
          .forbidden, "The credential of “\(name)” is meant for \(meant), not for \(url).",
          mend: "Add the repository with that URL, or change repositories.\(name).url in the server's configuration."))
    }
    if let token = settings?.gitToken { return .basic(user: settings?.gitUser ?? "x-access-token", password: token) }
    return await credentials?.credential(for: name, url: url, push: push) ?? .anonymous
  }

  nonisolated func limits(for name: RepositoryName) -> Limits {
    configuration.repositories[name]?.limits ?? configuration.sandbox.limits
  }

  private func refuseTaken(_ name: RepositoryName) async throws {
    let taken = try await registry.repositories().first { $0.name == name }
    if let taken {
      throw RookeryError(
        .conflict, "A repository named “\(name)” was added before, for \(taken.url).",
        mend: "Choose another name, or remove that one with “rookery repo remove \(name)”.")
    }
  }

  private static func check(_ request: API.AddRepository) throws {
    func refuse(_ message: String, _ mend: String) -> RookeryError { RookeryError(.badRequest, message, mend: mend) }
    if let branch = request.defaultBranch, let problem = BranchName.problem(branch) {
      throw refuse("The branch name “\(PlainText.line(branch.prefix(80)))” \(problem).", "Name a branch of the repository.")
    }
    guard (request.description ?? "").utf8.count <= 4096 else {
      throw refuse("The description is longer than 4096 bytes.", "Shorten it.")
    }
    guard (request.hints ?? []).count <= 50, (request.hints ?? []).allSatisfy({ $0.utf8.count <= 1024 }) else {
      throw refuse("There are more than 50 hints, or one is longer than 1024 bytes.", "Give fewer or shorter ones.")
    }
  }
}
