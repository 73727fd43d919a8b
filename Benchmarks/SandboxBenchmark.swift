import Foundation
import Glibc
import Logging
import RookeryControl
import RookeryHost
import RookeryModel
import RookeryRunnerClient

/// The sandbox host alone: start, exec, snapshot of a living sandbox, restore. Needs root and the base in the machine's cache.
struct SandboxBenchmark {
  static let cache = "/var/cache/rookery"
  private let client: ControlClient
  private let base: BaseName

  static func run(in directory: String, root: String) async throws -> [Comparison] {
    let binaries = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
    let settings = HostSettings(
      dataDirectory: directory + "/host", runDirectory: directory + "/host-run", cacheDirectory: cache, serveUser: 0, gatewayUser: 0,
      gatewaySocket: directory + "/host-run/gateway.sock", runnerBinary: binaries.appending(path: "rookery-runner").path)
    var log = Logger(label: "rookery.host")
    log.logLevel = .error
    let service = HostService(settings: settings, log: log)
    let (ready, signal) = AsyncStream<Void>.makeStream()
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        defer { signal.finish() }
        try await service.run { signal.finish() }
      }
      for await _ in ready {}
      let benchmark = SandboxBenchmark(
        client: ControlClient(path: settings.socket, allowedServers: [0]), base: try BaseName((root as NSString).lastPathComponent))
      let rows = try await benchmark.rows(root: root)
      group.cancelAll()
      return rows
    }
  }

  private func rows(root: String) async throws -> [Comparison] {
    let fresh = try await starts(.base(base), rounds: 40)
    let bare = try repeated(40) {
      _ = try output(["bwrap", "--unshare-all", "--bind", root, "/", "--proc", "/proc", "--dev", "/dev", "/bin/true"])
    }
    // A machine on which podman does not work is told so, and measured all the same.
    let podman = try? Podman(root: root, directory: directory)
    defer { podman?.remove() }
    let container = podman.flatMap { podman in try? repeated(8) { _ = try podman.run() } }
    let (execs, spawns) = try await execs(rounds: 200)
    let (snapshots, restores) = try await snapshots(rounds: 15)
    let added = Measurement(samples: restores.samples.map { $0 - fresh.median })
    return [
      Comparison(name: "fresh sandbox, runner running", ours: fresh, peer: bare, peerName: "bare bwrap", goal: 1.5, unit: "ms"),
      Comparison(
        name: "fresh sandbox, runner running", ours: fresh, peer: container,
        peerName: container == nil ? "podman does not work here" : "podman run", goal: 0.05, unit: "ms"),
      Comparison(name: "exec in a live sandbox", ours: execs, peer: spawns, peerName: "posix_spawn", goal: 2, unit: "ms"),
      Comparison(
        name: "snapshot of a running sandbox (50,000 files, 1 GB; 10 MB changed)", ours: snapshots, peer: nil, peerName: "", goal: 100,
        unit: "ms"),
      Comparison(name: "restore, on top of a fresh start", ours: added, peer: nil, peerName: "", goal: 10, unit: "ms"),
    ]
  }

  // MARK: Measurements

  private func starts(_ source: CreateSandbox.Source, rounds: Int) async throws -> Measurement {
    var samples: [Double] = []
    for _ in 0..<rounds {
      let began = ContinuousClock.now
      let record = try await create(source)
      samples.append(milliseconds(since: began))
      try await done(.terminate(record.id, keep: nil))
    }
    return Measurement(samples: samples)
  }

  private func execs(rounds: Int) async throws -> (ours: Measurement, peer: Measurement) {
    let record = try await create(.base(base))
    let runner = try await RunnerConnection.connect(socket: record.runnerSocket, timeout: .seconds(30))
    var (ours, peer): ([Double], [Double]) = ([], [])
    for _ in 0..<rounds {
      var began = ContinuousClock.now
      try await Self.exec(["/bin/true"], runner)
      ours.append(milliseconds(since: began))
      began = .now
      try Self.spawn("/bin/true")
      peer.append(milliseconds(since: began))
    }
    await runner.close()
    try await done(.terminate(record.id, keep: nil))
    return (Measurement(samples: ours), Measurement(samples: peer))
  }

  private func snapshots(rounds: Int) async throws -> (snapshot: Measurement, restore: Measurement) {
    // The tree is a layer below, as a repository with its dependencies is.
    let build = try await create(.base(base))
    try await shell(
      "mkdir -p /workspace/tree && cd /workspace/tree && python3 -c 'import os\nfor d in range(500):\n os.mkdir(str(d))\n for f in range(100): open(f\"{d}/{f}\", \"wb\").write(os.urandom(21000))'",
      in: build)
    let image = SnapshotID.random(prefix: "tree-")
    try await done(.terminate(build.id, keep: image))
    let sandbox = try await create(.snapshot(image))
    var (taken, restored): ([Double], [Double]) = ([], [])
    for round in 0..<rounds {
      try await shell("cd /workspace/tree && for i in $(seq 10); do head -c 1000000 /dev/urandom > \(round % 3)/$i; done", in: sandbox)
      let snapshot = SnapshotID.random(prefix: "bench-")
      let began = ContinuousClock.now
      try await done(.snapshot(sandbox.id, as: snapshot))
      taken.append(milliseconds(since: began))
      restored += try await starts(.snapshot(snapshot), rounds: 3).samples
      try await done(.removeSnapshot(snapshot))
    }
    try await done(.terminate(sandbox.id, keep: nil))
    try await done(.removeSnapshot(image))
    return (Measurement(samples: taken), Measurement(samples: restored))
  }

  // MARK: Requests

  private func create(_ source: CreateSandbox.Source) async throws -> SandboxRecord {
    let request = CreateSandbox(id: .random(prefix: "bench-"), source: source, limits: Limits(memoryMB: 1024), bundles: [])
    let answer = try await client.call(HostRequest.create(request), as: HostResponse.self, timeout: .seconds(60))
    guard case .created(let record) = answer else { throw BenchmarkFailure("create: \(answer)") }
    return record
  }

  private func done(_ request: HostRequest) async throws {
    let answer = try await client.call(request, as: HostResponse.self, timeout: .seconds(300))
    guard answer == .done else { throw BenchmarkFailure("\(request): \(answer)") }
  }

  private func shell(_ command: String, in sandbox: SandboxRecord) async throws {
    let runner = try await RunnerConnection.connect(socket: sandbox.runnerSocket, timeout: .seconds(30))
    try await Self.exec(["/bin/sh", "-ec", command], runner)
    await runner.close()
  }

  private static func exec(_ arguments: [String], _ runner: RunnerConnection) async throws {
    let process = ProcessSpec(
      id: .random(prefix: "p-"), argv: arguments, environment: ["PATH": "/usr/bin:/bin"], directory: "/", account: .root)
    try await runner.start(process)
    for try await event in runner.output(of: process.id, from: StreamOffsets(), window: 1 << 20) {
      guard case .exited(let exit) = event else { continue }
      guard exit == .code(0) else { throw BenchmarkFailure("\(arguments): \(exit)") }
    }
  }

  private static func spawn(_ program: String) throws {
    var child: pid_t = 0
    var arguments: [UnsafeMutablePointer<CChar>?] = [strdup(program), nil]
    defer { free(arguments[0]) }
    guard posix_spawn(&child, program, nil, nil, &arguments, nil) == 0 else { throw BenchmarkFailure("posix_spawn failed") }
    waitpid(child, nil, 0)
  }

  private func repeated(_ rounds: Int, _ body: () throws -> Void) rethrows -> Measurement {
    var samples: [Double] = []
    for _ in 0..<rounds {
      let began = ContinuousClock.now
      try body()
      samples.append(milliseconds(since: began))
    }
    return Measurement(samples: samples)
  }

  private func milliseconds(since began: ContinuousClock.Instant) -> Double {
    let time = (ContinuousClock.now - began).components
    return Double(time.seconds) * 1000 + Double(time.attoseconds) / 1e15
  }
}
