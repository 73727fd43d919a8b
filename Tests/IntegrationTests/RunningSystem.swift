import Foundation
import RookeryCommands
import RookeryModel
import RookeryRehearsal
import RookeryTestSupport
import Testing

/// The whole product as its users have it, from the built binary: `rookery up` with its own processes and users, a git server
/// with a credential, and a model that plays a script.
final class RunningSystem: Sendable {
  @TaskLocal static var current: RunningSystem?

  /// The suite's system.
  static func get() throws -> RunningSystem { try #require(current) }

  let directory: TemporaryDirectory
  let git: GitServer
  /// The forge of every repository, where the suite asked for one.
  let forge: GitHubDouble?
  let model: RehearsalModel
  let modelTask: Task<Void, any Error>
  let supervisor: Process
  let ada = API.NamedAuthor(name: "Ada Lovelace", email: "ada@example.com")

  /// What Ada's pull requests are opened with.
  static let forgeToken = "ghp_" + String(repeating: "a1", count: 18)
  static let gitPassword = "correct-horse-battery-staple"
  static let modelKey = "sk-rehearsal-key-that-no-sandbox-may-see"

  /// Where the built programs are: beside the test bundle.
  static let binaries =
    Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") }?.bundleURL.deletingLastPathComponent()
    ?? URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()

  var data: String { directory.path("data") }
  var configuration: String { directory.path("rookery.yaml") }

  private init(
    directory: TemporaryDirectory, git: GitServer, forge: GitHubDouble?, model: RehearsalModel, modelTask: Task<Void, any Error>,
    supervisor: Process
  ) {
    self.forge = forge
    self.directory = directory
    self.git = git
    self.model = model
    self.modelTask = modelTask
    self.supervisor = supervisor
  }

  static func start(_ options: RunningSystemTrait) async throws -> RunningSystem {
    let directory = try TemporaryDirectory(prefix: "rookery-it")
    // The processes run under users of their own and must be able to pass through.
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: directory.path)
    let git = try await GitServer.start(credential: .init(user: "git", password: gitPassword))
    let model = try RehearsalModel(script: options.script)
    let (ports, port) = AsyncStream<Int>.makeStream()
    let modelTask = Task { try await model.run(host: "127.0.0.1", port: 0) { port.yield($0) } }
    var arrived = ports.makeAsyncIterator()
    let modelPort = try #require(await arrived.next())
    let repositories = options.repositories
    for name in repositories { try await git.makeRepository(name) }
    let forge = options.forge ? try await startForge(directory, repositories) : nil
    func settings(of repository: String) -> String {
      let link = forge.map { ", forge: {kind: github, api_url: \"\($0.url)\", repository: acme/\(repository)}" } ?? ""
      return "  \(repository): {git_user: git, git_token_env: ROOKERY_TEST_GIT_TOKEN\(link)}"
    }
    let configuration = try directory.write(
      """
      server:
        port: 0
      network:
        private_hosts: ["127.0.0.1:\(git.port)", "127.0.0.1:\(modelPort)"]
      sandbox:
        limits: {memory_mb: 512, cpus: 2, processes: 300, runtime_seconds: \(options.runtimeSeconds)}
        idle_pause_seconds: \(options.idlePauseSeconds)
        idle_release_seconds: \(options.idleReleaseSeconds)
        capacity: {cpu_overcommit: \(options.cpuOvercommit)}
      pool: {size: \(options.pool), at_once: 1}
      repositories:
      \(repositories.map(settings).joined(separator: "\n"))
      \(forge == nil ? "" : "github: {user_tokens_file: people.yaml}")
      """, to: "rookery.yaml")
    if let size = options.databaseSize { try await mountDatabases(directory, size) }
    let supervisor = try launch(
      directory: directory, configuration: configuration,
      environment: [
        "ROOKERY_MODEL_URL": "http://127.0.0.1:\(modelPort)", "ROOKERY_MODEL_KEY": modelKey, "ROOKERY_MODEL": RehearsalModel.name,
        "ROOKERY_TEST_GIT_TOKEN": gitPassword,
      ])
    let system = RunningSystem(directory: directory, git: git, forge: forge, model: model, modelTask: modelTask, supervisor: supervisor)
    do {
      try await system.untilHealthy()
      for name in repositories {
        _ = try await system.api { api in
          try await api.post(
            "/v1/repositories", API.AddRepository(name: try RepositoryName(name), url: git.url(for: name)), as: Repository.self)
        }
      }
    } catch {
      await system.stop()
      throw error
    }
    return system
  }

  /// Puts what `serve` keeps on a filesystem of its own that holds so much, as `mount` reads it.
  private static func mountDatabases(_ directory: TemporaryDirectory, _ size: String) async throws {
    let serve = directory.path("data/serve")
    try FileManager.default.createDirectory(atPath: serve, withIntermediateDirectories: true)
    let mounted = try await Command.run(["mount", "-t", "tmpfs", "-o", "size=\(size),mode=0755", "rookery-test", serve])
    try #require(mounted.status == 0, "\(mounted.text)")
  }

  /// A forge where Ada may write, and the file with her token that only `serve` may read.
  private static func startForge(_ directory: TemporaryDirectory, _ repositories: [String]) async throws -> GitHubDouble {
    let forge = try await GitHubDouble.start()
    forge.addToken(forgeToken, login: "ada")
    for name in repositories { forge.addRepository("acme/\(name)") }
    let people = try directory.write("ada@example.com: \(forgeToken)\n", to: "people.yaml")
    try FileManager.default.setAttributes([.posixPermissions: 0o640, .groupOwnerAccountName: "rookery-serve"], ofItemAtPath: people)
    return forge
  }

  private static func launch(directory: TemporaryDirectory, configuration: String, environment: [String: String]) throws -> Process {
    let supervisor = Process()
    supervisor.executableURL = binaries.appending(path: "rookery")
    supervisor.arguments = ["up", "--data", directory.path("data"), "--config", configuration]
    supervisor.environment = ["PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"].merging(environment) { $1 }
    let log = directory.path("up.log")
    _ = FileManager.default.createFile(atPath: log, contents: nil)
    let handle = try #require(FileHandle(forWritingAtPath: log))
    supervisor.standardOutput = handle
    supervisor.standardError = handle
    supervisor.standardInput = FileHandle.nullDevice
    try supervisor.run()
    return supervisor
  }

  func untilHealthy() async throws {
    do {
      try await eventually(timeout: .seconds(60), "the server answers") {
        let health = try? await self.api { try await $0.get("/v1/health", as: API.Health.self, timeout: .seconds(2)) }
        return health?.host == true && health?.gateway == true
      }
    } catch {
      print((try? directory.read("up.log")) ?? "")
      throw error
    }
  }

  /// Ends everything the way an operator does.
  func stop() async {
    _ = try? await cli("down")
    if supervisor.isRunning { supervisor.terminate() }
    supervisor.waitUntilExit()
    modelTask.cancel()
    await git.stop()
    await forge?.stop()
    _ = try? await Command.run(["umount", "--quiet", data + "/serve"])
    directory.remove()
  }

  /// Runs a command of the CLI to its end.
  @discardableResult
  func cli(_ arguments: String..., input: String = "", timeout: Duration = .seconds(120)) async throws -> Command.Result {
    try await Command.run(
      [Self.binaries.appending(path: "rookery").path] + arguments + ["--data", data], input: Array(input.utf8), timeout: timeout)
  }

  func api<Value: Sendable>(_ body: @Sendable @escaping (APIClient) async throws -> Value) async throws -> Value {
    try await APIClient.with(ServerAddress(server: nil, data: data, token: nil), body)
  }

  /// The process ids of one of our processes in this system.
  func processes(_ subcommand: String) throws -> [pid_t] {
    try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { pid_t($0) }.filter { pid in
      guard let data = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") else { return false }
      let words = data.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
      return words.count > 1 && words[0].hasSuffix("/rookery") && words[1] == subcommand
        && words.contains { $0.hasPrefix(self.directory.path) }
    }
  }

  func kill(_ subcommand: String) throws {
    for pid in try processes(subcommand) { Foundation.kill(pid, SIGKILL) }
  }
}

/// Gives a suite a system of its own, for as long as the suite runs.
struct RunningSystemTrait: SuiteTrait, TestTrait, TestScoping {
  var script: RehearsalScript = .demo
  var repositories = ["site"]
  var forge = false
  var databaseSize: String?
  var idlePauseSeconds = 600
  var idleReleaseSeconds = 3600
  var runtimeSeconds = 600
  /// How many warm sandboxes wait for each repository: none where a test is about something else.
  var pool = 0
  /// How many times the machine's processors the sandboxes' limits may add up to.
  var cpuOvercommit = 1000.0

  func provideScope(for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void) async throws {
    let system = try await RunningSystem.start(self)
    do {
      try await RunningSystem.$current.withValue(system) { try await function() }
    } catch {
      await system.stop()
      throw error
    }
    await system.stop()
  }
}

extension Trait where Self == RunningSystemTrait {
  static func system(
    script: RehearsalScript = .demo, repositories: [String] = ["site"], forge: Bool = false, databaseSize: String? = nil,
    idlePauseSeconds: Int = 600, idleReleaseSeconds: Int = 3600, runtimeSeconds: Int = 600, pool: Int = 0, cpuOvercommit: Double = 1000
  ) -> Self {
    RunningSystemTrait(
      script: script, repositories: repositories, forge: forge, databaseSize: databaseSize, idlePauseSeconds: idlePauseSeconds,
      idleReleaseSeconds: idleReleaseSeconds, runtimeSeconds: runtimeSeconds, pool: pool,
      cpuOvercommit: cpuOvercommit)
  }
}

extension RunningSystem {
  /// The host's process ids of what runs a sandbox: the runner and bubblewrap.
  func runners(of sandbox: SandboxID) throws -> [pid_t] {
    try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { pid_t($0) }.filter { pid in
      guard let data = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") else { return false }
      return data.split(separator: 0).contains { String(decoding: $0, as: UTF8.self) == sandbox.rawValue }
    }
  }
}
