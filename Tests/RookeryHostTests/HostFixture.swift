import CSandbox
import Foundation
import Glibc
import Logging
import RookeryControl
import RookeryModel
import Testing

@testable import RookeryHost

/// A host of its own: data, run and cache directory, a gateway, and requests as `serve` sends them.
final class HostFixture: Sendable {
  static let base: BaseName = {
    guard let name = BaseName(rawValue: "debian-bookworm") else { preconditionFailure("a valid literal") }
    return name
  }()
  static let cache = "/var/cache/rookery"

  let directory: String
  let settings: HostSettings
  let client: ControlClient
  let gateway: GatewayDouble

  /// Makes the base when this machine has none yet, which takes about a minute. `storage`: nil for the best that works.
  init(_ storage: StorageKind? = nil) async throws {
    try #require(geteuid() == 0, "these tests start real sandboxes: run them as root")
    try await BaseMaker(cacheDirectory: Self.cache).make(Self.base) { _ in }
    directory = "/var/tmp/rookery-host-" + String(UInt64.random(in: 0 ..< .max), radix: 36)
    let cache = directory + "/cache"
    try FileManager.default.createDirectory(atPath: cache, withIntermediateDirectories: true)
    try FileManager.default.createDirectory(atPath: directory + "/run", withIntermediateDirectories: true)
    // Bases are shared with the machine's own cache; bundles are this test's own.
    try FileManager.default.createSymbolicLink(atPath: cache + "/bases", withDestinationPath: Self.cache + "/bases")
    try FileManager.default.copyItem(atPath: Self.cache + "/bases.json", toPath: cache + "/bases.json")
    var settings = HostSettings(
      dataDirectory: directory + "/host", runDirectory: directory + "/run", cacheDirectory: cache, serveUser: geteuid(),
      gatewayUser: geteuid(), gatewaySocket: directory + "/run/gateway.sock", runnerBinary: try Self.runner())
    settings.storage = storage
    self.settings = settings
    client = ControlClient(path: settings.socket, allowedServers: [0])
    gateway = try GatewayDouble(path: settings.gatewaySocket)
  }

  /// The same directories under other settings.
  init(_ other: HostFixture, _ change: (inout HostSettings) -> Void) throws {
    directory = other.directory
    var settings = other.settings
    change(&settings)
    self.settings = settings
    client = other.client
    gateway = other.gateway
  }

  /// `rookery-runner` as it was built with these tests.
  static func runner() throws -> String {
    return try product("rookery-runner")
  }

  static func product(_ name: String) throws -> String {
    let executable = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    var candidates = CommandLine.arguments.map { ($0 as NSString).deletingLastPathComponent }
    candidates += [(executable as NSString).deletingLastPathComponent, FileManager.default.currentDirectoryPath + "/.build/debug"]
    for candidate in candidates {
      var directory = candidate
      while directory.count > 1 {
        if FileManager.default.isExecutableFile(atPath: "\(directory)/\(name)") { return "\(directory)/\(name)" }
        directory = (directory as NSString).deletingLastPathComponent
      }
    }
    throw RookeryError(.notFound, "\(name) was not built beside the tests (\(candidates)).")
  }

  /// Runs `body` with a living host, then ends every sandbox and checks that nothing of them is left.
  static func with(_ storage: StorageKind? = nil, _ body: (HostFixture) async throws -> Void) async throws {
    let fixture = try await HostFixture(storage)
    do {
      try await fixture.serving { try await body(fixture) }
    } catch {
      await fixture.clear()
      throw error
    }
    await fixture.clear()
  }

  /// Runs a host inside this process while `body` runs. Sandboxes live on behind it.
  func serving(_ body: () async throws -> Void) async throws {
    let (ready, signal) = AsyncStream<Void>.makeStream()
    let service = Task { [settings] in
      defer { signal.finish() }
      try await HostService(settings: settings, log: Self.log).run { signal.finish() }
    }
    for await _ in ready {}
    do { try await body() } catch {
      service.cancel()
      _ = try? await service.value
      throw error
    }
    service.cancel()
    try await service.value
  }

  static var log: Logger {
    var log = Logger(label: "rookery.host.tests")
    log.logLevel = .warning
    return log
  }

  /// Ends what is left and removes the directories.
  func clear() async {
    try? await serving {
      for sandbox in try await list() { try? await terminate(sandbox.id) }
    }
    gateway.stop()
    if let parent = try? Directory(path: "/var/tmp") {
      try? TreeWalk.remove((directory as NSString).lastPathComponent, in: parent)
    }
  }

  // MARK: Requests

  func ask(_ request: HostRequest) async throws -> HostResponse {
    try await client.call(request, as: HostResponse.self, timeout: .seconds(90))
  }

  func create(
    _ source: CreateSandbox.Source = .base(HostFixture.base), limits: Limits = Limits(memoryMB: 512, cpus: 2, processes: 256),
    bundles: [AgentName] = [], blocked: [String]? = nil, id: SandboxID = .random(prefix: "t-")
  ) async throws -> SandboxShell {
    let request = CreateSandbox(id: id, source: source, limits: limits, bundles: bundles, blockedCommands: blocked)
    let answer = try await ask(.create(request))
    guard case .created(let record) = answer else { throw RookeryError(.internal, "unexpected answer \(answer)") }
    return SandboxShell(record: record)
  }

  func list() async throws -> [SandboxRecord] {
    guard case .sandboxes(let records) = try await ask(.list) else { throw RookeryError(.internal, "unexpected answer") }
    return records
  }

  func terminate(_ id: SandboxID, keep: SnapshotID? = nil) async throws {
    #expect(try await ask(.terminate(id, keep: keep)) == .done)
  }

  /// Events until one satisfies `condition`, which must come within 60 s.
  func event(after: Int64 = 0, where condition: (HostEvent) -> Bool) async throws -> HostEvent {
    let deadline = ContinuousClock.now + .seconds(60)
    var reached = after
    while ContinuousClock.now < deadline {
      guard case .events(let events) = try await ask(.nextEvents(after: reached, wait: 10)) else { break }
      if let found = events.first(where: condition) { return found }
      reached = events.last?.seq ?? reached
    }
    throw RookeryError(.internal, "the expected event did not come")
  }

  static func code(_ body: () async throws -> some Sendable) async -> ErrorCode? {
    do {
      _ = try await body()
      return nil
    } catch { return (error as? RookeryError)?.code }
  }

  // MARK: What is left

  /// Paths of cgroups, processes, sockets, directories and mounts of a sandbox that still exist.
  func traces(of id: SandboxID) throws -> [String] {
    var traces: [String] = []
    for hierarchy in try CgroupLayout.current().hierarchies {
      let path = "\(hierarchy.path)/rookery/\(id)"
      if FileManager.default.fileExists(atPath: path) { traces.append(path) }
    }
    for process in try FileManager.default.contentsOfDirectory(atPath: "/proc") where Int32(process) != nil {
      if CgroupFile.read("/proc/\(process)/cmdline")?.contains(id.rawValue) == true { traces.append("process \(process)") }
    }
    for directory in ["host/launches", "run/runners"] {
      let names = try FileManager.default.contentsOfDirectory(atPath: self.directory + "/" + directory)
      traces += names.filter { $0.contains(id.rawValue) }.map { "\(directory)/\($0)" }
    }
    traces += try storage().existing("sandboxes").names().filter { $0.contains(id.rawValue) }.map { "sandboxes/\($0)" }
    if CgroupFile.read("/proc/self/mountinfo")?.contains(directory) == true { traces.append("mount") }
    return traces
  }
}

extension HostFixture {
  /// The top of the host's storage, while the result is held.
  func storage() throws -> Directory {
    try HostStorage.open(settings, data: Directory(path: settings.dataDirectory), log: Self.log).root
  }

  /// Below the storage's top: what a sandbox writes.
  func upper(of id: SandboxID) throws -> Directory {
    let storage = try HostStorage.open(settings, data: Directory(path: settings.dataDirectory), log: Self.log)
    return try storage.root.existing("sandboxes/\(id)/\(WritableLayer.upperPath(storage))")
  }

  /// Process 1 of a sandbox, as the host's record has it.
  func initProcess(of id: SandboxID) throws -> pid_t? {
    let data = try Data(contentsOf: URL(fileURLWithPath: "\(directory)/host/launches/\(id).json"))
    return try JSON.decode(LaunchRecord.self, from: data).initProcess?.pid
  }

  /// Waits until the gateway has the listeners of exactly these sandboxes, at most 60 s.
  func awaitAdoption(of ids: Set<SandboxID>) async throws {
    let deadline = ContinuousClock.now + .seconds(60)
    while gateway.adopted != ids {
      guard ContinuousClock.now < deadline else { throw RookeryError(.internal, "adopted: \(gateway.adopted), not \(ids)") }
      try await Task.sleep(for: .milliseconds(5))
    }
  }
}

extension HostFixture {
  /// Waits until everything discarded is removed, at most 60 s.
  func awaitEmptyTrash() async throws {
    let deadline = ContinuousClock.now + .seconds(60)
    while try !storage().existing("trash").names().isEmpty {
      guard ContinuousClock.now < deadline else { throw RookeryError(.internal, "the trash is not emptied") }
      try await Task.sleep(for: .milliseconds(5))
    }
  }
}
