import Foundation
import Logging
import RookeryConfiguration
import RookeryControl
import RookeryGateway
import RookeryHost
import RookeryModel
import RookeryRehearsal
import RookeryStore
import RookeryTestSupport
import Synchronization
import Testing

@testable import RookerySandbox

/// Everything that a repository's image needs, for real: host, gateway, git server, registry and the services of `serve`,
/// in a directory of their own.
final class SandboxStack: Sendable {
  static let credential = GitHTTPBackend.Credential(user: "robot", password: "correct-horse-battery")
  static let base = Configuration.defaultBase
  /// The machine's own cache: its base is used, its bundles are not.
  private static let cache = "/var/cache/rookery"

  let directory: String
  let git: GitServer
  let provider: LocalProvider
  let gateway: GatewayClient
  let registry: Registry
  let repositories: RepositoryService
  let hostSettings: HostSettings
  let gatewaySettings: GatewaySettings
  let name: RepositoryName
  private let gatewayTask = Mutex<Task<Void, any Error>?>(nil)
  private let hostTask = Mutex<Task<Void, any Error>?>(nil)

  private init(limits: Limits, adjust: @Sendable (inout Configuration, inout GatewaySettings) -> Void) async throws {
    try #require(geteuid() == 0, "these tests start real sandboxes: run them as root")
    try await BaseMaker(cacheDirectory: Self.cache).make(Self.base) { _ in }
    // Beside the cache: bundles move by renaming.
    directory = "/var/tmp/rookery-provider-" + String(UInt64.random(in: 0 ..< .max), radix: 36)
    for part in ["cache", "run", "serve"] {
      try FileManager.default.createDirectory(atPath: "\(directory)/\(part)", withIntermediateDirectories: true)
    }
    try FileManager.default.createSymbolicLink(atPath: directory + "/cache/bases", withDestinationPath: Self.cache + "/bases")
    try FileManager.default.copyItem(atPath: Self.cache + "/bases.json", toPath: directory + "/cache/bases.json")
    git = try await GitServer.start(credential: Self.credential)
    name = .random(prefix: "app-")
    var gatewaySettings = GatewaySettings(controlSocket: directory + "/run/gateway.sock", serveUser: geteuid())
    hostSettings = HostSettings(
      dataDirectory: directory + "/host", runDirectory: directory + "/run", cacheDirectory: directory + "/cache", serveUser: geteuid(),
      gatewayUser: geteuid(), gatewaySocket: directory + "/run/gateway.sock", runnerBinary: try Self.product("rookery-runner"))
    var configuration = Configuration()
    configuration.network.privateHosts = [git.authority]
    configuration.sandbox.limits = limits
    var settings = Configuration.RepositorySettings()
    settings.gitUser = Self.credential.user
    settings.gitToken = Secret(Self.credential.password)
    configuration.repositories[name] = settings
    // Nothing is built unless a test asks for it.
    configuration.images.intervalSeconds = nil
    configuration.images.minFreeMB = 0
    adjust(&configuration, &gatewaySettings)
    self.gatewaySettings = gatewaySettings
    provider = LocalProvider(socket: hostSettings.socket, allowedServers: [geteuid()], logger: Self.log)
    gateway = GatewayClient(socket: gatewaySettings.controlSocket, allowedServers: [geteuid()], logger: Self.log)
    registry = try Registry(directory: directory + "/serve")
    repositories = try RepositoryService(
      registry: registry, provider: provider, gateway: gateway, configuration: configuration,
      authority: InstallationAuthority(), logger: Self.log, chance: { 0 })
  }

  /// Runs `body` beside all services, then ends every sandbox and removes everything.
  static func with(
    limits: Limits = Limits(memoryMB: 1024, cpus: 2, processes: 512, diskMB: 4096, runtimeSeconds: 600),
    adjust: @Sendable (inout Configuration, inout GatewaySettings) -> Void = { _, _ in },
    _ body: @escaping @Sendable (SandboxStack) async throws -> Void
  ) async throws {
    let stack = try await SandboxStack(limits: limits, adjust: adjust)
    do {
      try await stack.serving(body)
    } catch {
      await stack.remove()
      throw error
    }
    await stack.remove()
  }

  private func serving(_ body: @escaping @Sendable (SandboxStack) async throws -> Void) async throws {
    await startGateway()
    await startHost()
    let answers = Task { [gateway, repositories] in
      try await gateway.answerQuestions { await repositories.credential(for: $0.repository, push: $0.push) }
    }
    let builds = Task { [repositories] in try await repositories.run() }
    let result: Result<Void, any Error>
    do {
      try await within(.seconds(600)) { try await body(self) }
      result = .success(())
    } catch {
      result = .failure(error)
    }
    builds.cancel()
    _ = await builds.result
    if let left = try? await provider.list() {
      for sandbox in left { try? await provider.terminate(sandbox.id, keep: nil) }
    }
    answers.cancel()
    _ = await answers.result
    await stopHost()
    await stopGateway()
    await git.stop()
    try result.get()
  }

  func restartGateway() async throws {
    await stopGateway()
    await startGateway()
  }

  func startHost() async {
    let task = await started { ready in try await HostService(settings: self.hostSettings, log: Self.log).run(ready: ready) }
    hostTask.withLock { $0 = task }
  }

  func stopHost() async {
    let task = hostTask.withLock { $0 }
    task?.cancel()
    _ = await task?.result
  }

  private func startGateway() async {
    let task = await started { ready in try await GatewayService(settings: self.gatewaySettings, logger: Self.log).run { ready() } }
    gatewayTask.withLock { $0 = task }
  }

  private func stopGateway() async {
    let task = gatewayTask.withLock { $0 }
    task?.cancel()
    _ = await task?.result
  }

  /// Starts a service and returns once it is ready, or ended.
  private func started(
    _ service: @escaping @Sendable (_ ready: @escaping @Sendable () -> Void) async throws -> Void
  ) async -> Task<Void, any Error> {
    let (ready, signal) = AsyncStream<Void>.makeStream()
    let task = Task {
      defer { signal.finish() }
      try await service { signal.finish() }
    }
    for await _ in ready {}
    return task
  }

  private func remove() async {
    _ = try? await Command.run(["rm", "-rf", "--one-file-system", directory])
  }

  // MARK: What tests do

  func add() async throws -> Repository {
    try await repositories.add(API.AddRepository(name: name, url: git.url(for: "app")))
  }

  /// Commits `files` (nil: removed) on top of the repository's main branch.
  func push(_ files: [String: String?], _ more: (_ work: TemporaryDirectory) async throws -> Void = { _ in }) async throws {
    let work = try TemporaryDirectory(prefix: "rookery-push")
    try await Command.git(["clone", "--quiet", git.path(of: "app"), work.path])
    for (file, text) in files {
      if let text { try work.write(text, to: file) } else { try await Command.git(["rm", "--quiet", file], in: work.path) }
    }
    try await more(work)
    try await Command.git(["add", "--all"], in: work.path)
    try await Command.git(["commit", "--quiet", "-m", "Change"], in: work.path)
    try await Command.git(["push", "--quiet", "origin", "HEAD:main"], in: work.path)
  }

  /// The end of a build with its whole log.
  func built(force: Bool = false) async throws -> API.BuildLog {
    let started = try await repositories.build(name, force: force)
    var lines: [BuildLine] = []
    while true {
      let page = try await repositories.buildLog(name, after: lines.last?.number ?? 0, wait: .seconds(20))
      #expect(page.build.image == started.image)
      lines += page.lines
      if page.build.state != .running && page.lines.isEmpty { return API.BuildLog(build: page.build, lines: lines) }
    }
  }

  /// What a shell script prints in a new sandbox of `source`, as the agent's account.
  func inside(
    _ source: CreateSandbox.Source, bundles: [AgentName] = [], account: ProcessSpec.Account = .agent, _ script: String
  ) async throws -> ProcessResult {
    let sandbox = try await provider.create(
      CreateSandbox(id: .random(prefix: "t-"), source: source, limits: Limits(memoryMB: 512, processes: 256), bundles: bundles))
    let result = try await sandbox.run(
      ProcessSpec(
        id: .random(prefix: "p-"), argv: ["/bin/sh", "-c", script], environment: BuildShell.environment(of: account), directory: "/",
        account: account))
    try await provider.terminate(sandbox.id, keep: nil)
    return result
  }

  /// Files under the data directories that hold `text`.
  func files(holding text: String) async throws -> String {
    try await Command.run(["python3", "-c", Self.search, text, directory + "/host", directory + "/serve"]).output
  }

  /// Reads what was written and no holes: the volume of a host without a btrfs disk is a file as large as the disk.
  private static let search = """
    import os, sys
    text, roots = sys.argv[1].encode(), sys.argv[2:]
    def holds(file):
        size, position = os.fstat(file).st_size, 0
        while position < size:
            try: start = os.lseek(file, position, os.SEEK_DATA)
            except OSError: return False
            position, kept = os.lseek(file, start, os.SEEK_HOLE), b""
            os.lseek(file, start, os.SEEK_SET)
            while start < position:
                part = os.read(file, min(1 << 24, position - start))
                if not part: return False
                if text in kept + part: return True
                start, kept = start + len(part), part[-len(text):]
        return False
    for path in (os.path.join(directory, name) for root in roots for directory, _, names in os.walk(root) for name in names):
        # What is being removed meanwhile may vanish under it; sockets and pipes hold nothing.
        if os.path.islink(path) or not os.path.isfile(path): continue
        try: file = os.open(path, os.O_RDONLY)
        except OSError: continue
        if holds(file): print(path)
        os.close(file)
    """

  private static var log: Logger {
    var log = Logger(label: "rookery.sandbox.tests")
    log.logLevel = .warning
    return log
  }

  private static func product(_ name: String) throws -> String {
    let executable = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let candidates = CommandLine.arguments + [executable, FileManager.default.currentDirectoryPath + "/.build/debug/x"]
    for candidate in candidates {
      var directory = (candidate as NSString).deletingLastPathComponent
      while directory.count > 1 {
        if FileManager.default.isExecutableFile(atPath: "\(directory)/\(name)") { return "\(directory)/\(name)" }
        directory = (directory as NSString).deletingLastPathComponent
      }
    }
    throw RookeryError(.notFound, "\(name) was not built beside the tests.")
  }
}
