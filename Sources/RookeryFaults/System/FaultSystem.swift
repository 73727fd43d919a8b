import Foundation
import RookeryCommands
import RookeryModel
import RookeryRehearsal
import RookeryTestSupport
import Synchronization

/// Why a fault run could not be made at all.
package struct FaultRunFailed: Error, CustomStringConvertible {
  package var description: String
  package init(_ description: String) { self.description = description }
}

/// The product as an operator starts it, in a directory of its own, with a git server and a forge on loopback: to be broken.
package final class FaultSystem: Sendable {
  package let api: APIClient
  let directory: TemporaryDirectory
  let git: GitServer
  let forge: GitHubDouble
  /// Whether the databases are on a small filesystem of their own.
  let hasSmallDisk: Bool
  private let binaries: URL
  private let configuration: String
  private let supervisor: Mutex<Process?>

  static let repository = "site"
  static let author = API.NamedAuthor(name: "Ada Lovelace", email: "ada@example.com")
  private static let password = "correct-horse-battery-staple"
  private static let forgeToken = "ghp_" + String(repeating: "b2", count: 18)

  var data: String { directory.path("data") }

  private init(
    api: APIClient, directory: TemporaryDirectory, git: GitServer, forge: GitHubDouble, hasSmallDisk: Bool, binaries: URL,
    configuration: String
  ) {
    self.hasSmallDisk = hasSmallDisk
    self.api = api
    self.directory = directory
    self.git = git
    self.forge = forge
    self.binaries = binaries
    self.configuration = configuration
    supervisor = Mutex(nil)
  }

  /// Runs `body` with a system of the programs in `binaries`, and ends it. With `databaseSize` (as `mount` reads it) everything that
  /// `serve` keeps is on a filesystem of that size.
  package static func with<Value: Sendable>(
    binaries: URL, databaseSize: String? = nil, _ body: @Sendable (FaultSystem) async throws -> Value
  ) async throws -> Value {
    let directory = try TemporaryDirectory(prefix: "rookery-faults")
    defer { directory.remove() }
    // The processes run under users of their own and must be able to pass through.
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: directory.path)
    let git = try await GitServer.start(credential: .init(user: "git", password: password))
    try await git.makeRepository(repository)
    let forge = try await GitHubDouble.start()
    forge.addToken(forgeToken, login: "ada")
    forge.addRepository("acme/\(repository)")
    let configuration = try directory.write(
      """
      server: {port: 0}
      network: {private_hosts: ["127.0.0.1:\(git.port)"]}
      sandbox: {limits: {memory_mb: 256, cpus: 1, processes: 100, runtime_seconds: 600}}
      repositories:
        \(repository):
          git_user: git
          git_token_env: ROOKERY_FAULTS_GIT_TOKEN
          forge: {kind: github, api_url: "\(forge.url)", repository: acme/\(repository)}
      github: {user_tokens_file: people.yaml}
      """, to: "rookery.yaml")
    let people = try directory.write("\(author.email): \(forgeToken)\n", to: "people.yaml")
    try FileManager.default.setAttributes([.posixPermissions: 0o640, .groupOwnerAccountName: "rookery-serve"], ofItemAtPath: people)
    let mount = try await databaseSize.asyncMap { try await mountDatabases(directory, size: $0) }
    let address = try ServerAddress(server: nil, data: directory.path("data"), token: nil)
    let result: Result<Value, any Error> = await capture {
      try await APIClient.with(address) { api in
        let system = FaultSystem(
          api: api, directory: directory, git: git, forge: forge, hasSmallDisk: databaseSize != nil, binaries: binaries,
          configuration: configuration)
        let result = await capture {
          try await system.start()
          _ = try await api.post(
            "/v1/repositories", API.AddRepository(name: try RepositoryName(repository), url: git.url(for: repository)), as: Repository.self)
          return try await body(system)
        }
        await system.down()
        return try result.get()
      }
    }
    await git.stop()
    await forge.stop()
    if let mount { _ = try? await Command.run(["umount", mount]) }
    return try result.get()
  }

  private static func capture<Value>(_ body: () async throws -> Value) async -> Result<Value, any Error> {
    do { return .success(try await body()) } catch { return .failure(error) }
  }

  private static func mountDatabases(_ directory: TemporaryDirectory, size: String) async throws -> String {
    let serve = directory.path("data/serve")
    try FileManager.default.createDirectory(atPath: serve, withIntermediateDirectories: true)
    try await Command.output(["mount", "-t", "tmpfs", "-o", "size=\(size),mode=0755", "rookery-faults", serve])
    return serve
  }

  // MARK: Life

  private func start() async throws {
    let process = Process()
    process.executableURL = binaries.appending(path: "rookery")
    process.arguments = ["up", "--data", data, "--config", configuration]
    process.environment = ["PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "ROOKERY_FAULTS_GIT_TOKEN": Self.password]
    let log = directory.path("up.log")
    if !FileManager.default.fileExists(atPath: log) { _ = FileManager.default.createFile(atPath: log, contents: nil) }
    guard let handle = FileHandle(forWritingAtPath: log) else { throw FaultRunFailed("\(log) can't be written") }
    try handle.seekToEnd()
    process.standardOutput = handle
    process.standardError = handle
    process.standardInput = FileHandle.nullDevice
    try process.run()
    supervisor.withLock { $0 = process }
    try await untilHealthy()
  }

  /// Until every process answers.
  func untilHealthy() async throws {
    do {
      try await eventually(timeout: .seconds(120), "the server answers") {
        let health = try? await self.api.get("/v1/health", as: API.Health.self, timeout: .seconds(2))
        return health?.host == true && health?.gateway == true
      }
    } catch {
      throw FaultRunFailed("\(error)\n\(serverLog)")
    }
  }

  /// An upgrade: the supervisor and its processes end in an orderly way, sandboxes live on, the next ones take over.
  func restart() async throws {
    await endSupervisor()
    try await start()
  }

  private func endSupervisor() async {
    guard let process = supervisor.withLock({ $0 }) else { return }
    if process.isRunning { process.terminate() }
    // Bounded by the supervisor's own grace for each of its processes.
    try? await eventually(timeout: .seconds(90), "the supervisor ends") { !process.isRunning }
    if process.isRunning { Foundation.kill(process.processIdentifier, SIGKILL) }
  }

  private func down() async {
    for pid in (try? processes()) ?? [] { Foundation.kill(pid, SIGCONT) }
    _ = try? await Command.run([binaries.appending(path: "rookery").path, "down", "--data", data])
    await endSupervisor()
  }

  /// The newest of what the processes logged.
  var serverLog: String { String(((try? directory.read("up.log")) ?? "").suffix(6000)) }
}

extension Optional {
  fileprivate func asyncMap<Value>(_ body: (Wrapped) async throws -> Value) async throws -> Value? {
    guard let self else { return nil }
    return try await body(self)
  }
}
