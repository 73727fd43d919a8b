import Foundation
import Logging
import RookeryGateway
import RookeryHost
import RookeryModel
import RookerySandbox

/// What the way out of a sandbox costs beside a connection straight to the same server: until the first byte, and for many.
///
/// The client names its host in a TLS hello, as any would, and the server answers with plain bytes: encryption, which the gateway only
/// passes through, would hide what it costs.
struct EgressBenchmark {
  private static let (rounds, connects, size) = (4, 60, 256 << 20)
  private static let name = "bench.test"
  private static let provider = "egress"

  static func run(in directory: String, root: String) async throws -> [Comparison] {
    let directory = directory + "/" + provider
    try FileManager.default.createDirectory(atPath: directory + "/run", withIntermediateDirectories: true)
    let address = "127.\(Int.random(in: 50...250)).\(Int.random(in: 1...250)).\(Int.random(in: 1...250))"
    let binaries = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
    let hostSettings = HostSettings(
      dataDirectory: directory + "/host", runDirectory: directory + "/run", cacheDirectory: SandboxBenchmark.cache, serveUser: 0,
      gatewayUser: 0, gatewaySocket: directory + "/run/gateway.sock", runnerBinary: binaries.appending(path: "rookery-runner").path)
    var gatewaySettings = GatewaySettings(controlSocket: directory + "/run/gateway.sock", serveUser: 0)
    gatewaySettings.fixedAddresses = [name: [address]]
    var log = Logger(label: "rookery.bench")
    log.logLevel = .error
    let (host, gateway) = (HostService(settings: hostSettings, log: log), GatewayService(settings: gatewaySettings, logger: log))
    try Data(client.utf8).write(to: URL(filePath: directory + "/client.py"))
    try Data(server.utf8).write(to: URL(filePath: directory + "/server.py"))
    let serving = try start(["python3", directory + "/server.py", address, directory + "/ready"])
    defer { kill(serving.processIdentifier, SIGKILL) }
    let (ready, isReady) = AsyncStream<Void>.makeStream()
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await gateway.run { isReady.yield() } }
      group.addTask { try await host.run { isReady.yield() } }
      var steps = ready.makeAsyncIterator()
      for _ in 0..<2 { await steps.next() }
      while !FileManager.default.fileExists(atPath: directory + "/ready") { try await Task.sleep(for: .milliseconds(10)) }
      defer { group.cancelAll() }
      let provider = LocalProvider(socket: hostSettings.socket, logger: log)
      let grants = GatewayClient(socket: gatewaySettings.controlSocket, allowedServers: [0], logger: log)
      return try await measure(provider, grants, base: BaseName((root as NSString).lastPathComponent), address, directory)
    }
  }

  private static func measure(
    _ provider: LocalProvider, _ grants: GatewayClient, base: BaseName, _ address: String, _ directory: String
  ) async throws -> [Comparison] {
    let sandbox = try await provider.create(
      CreateSandbox(id: .random(prefix: "bench-"), source: .base(base), limits: Limits(memoryMB: 512), bundles: []))
    guard let host = HostPattern(name) else { throw BenchmarkFailure("\(name) is no host") }
    try await grants.grant(
      Grant(
        sandbox: sandbox.id, expires: Date(timeIntervalSinceNow: 3600), git: [], model: nil,
        network: .init(sites: [.init(host: host, access: .open)]), privateHosts: ["\(name):443"]))
    var (through, straight) = (Samples(), Samples())
    // In turns, so that a noisy machine is as noisy to both.
    for round in 0...rounds {
      let inside = try await sandbox.run(
        ProcessSpec(
          id: .random(prefix: "p-"), argv: ["/usr/bin/python3", "-c", client, "198.18.7.7", "\(connects)", "\(size)"],
          environment: ["PATH": "/usr/bin:/bin"], directory: "/", account: .agent))
      let outside = try output(["python3", directory + "/client.py", address, "\(connects)", "\(size)"])
      // The first is for warming up.
      guard round > 0 else { continue }
      try through.add(inside.output)
      try straight.add(outside)
    }
    try await provider.terminate(sandbox.id, keep: nil)
    let direct = Measurement(samples: straight.connects)
    let added = Measurement(samples: through.connects.map { $0 - direct.median })
    return [
      Comparison(
        name: "egress: connect to first byte, added", ours: added, peer: nil,
        peerName: "direct \(String(format: "%.2f", direct.median)) ms", goal: 1, unit: "ms"),
      Comparison(
        name: "egress: \(size >> 20) MiB (0.7 × the throughput is a ratio of 1.43)", ours: Measurement(samples: through.times),
        peer: Measurement(samples: straight.times), peerName: "direct loopback", goal: 1 / 0.7, unit: "ms"),
    ]
  }

  /// What the client printed: a line of milliseconds to the first byte, and one for the whole size.
  private struct Samples {
    var connects: [Double] = []
    var times: [Double] = []

    mutating func add(_ text: String) throws {
      let lines = text.split(separator: "\n").map { $0.split(separator: " ").compactMap { Double($0) } }
      guard lines.count == 2, !lines[0].isEmpty, lines[1].count == 1 else { throw BenchmarkFailure("the client said: \(text)") }
      connects += lines[0]
      times += lines[1]
    }
  }

  private static func start(_ arguments: [String]) throws -> Process {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = arguments
    try process.run()
    return process
  }

  private static let client = """
    import socket, struct, sys, time
    address, connects, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    name = b"\(name)"
    server = struct.pack(">HBH", len(name) + 3, 0, len(name)) + name
    extensions = struct.pack(">HH", 0, len(server)) + server
    body = b"\\3\\3" + b"r" * 32 + b"\\0" + b"\\0\\2\\x13\\1" + b"\\1\\0" + struct.pack(">H", len(extensions)) + extensions
    message = b"\\1\\0" + struct.pack(">H", len(body)) + body
    hello = b"\\x16\\3\\1" + struct.pack(">H", len(message)) + message
    def begin(amount):
        s = socket.create_connection((address, 443), 20)
        s.sendall(hello + struct.pack(">Q", amount))
        return s
    samples, buffer = [], bytearray(1 << 20)
    for _ in range(connects):
        start = time.perf_counter()
        s = begin(1)
        assert s.recv(1) == b"x"
        samples.append((time.perf_counter() - start) * 1000)
        s.close()
    start, left = time.perf_counter(), size
    s = begin(size)
    while left:
        count = s.recv_into(buffer)
        assert count
        left -= count
    print(*samples)
    print((time.perf_counter() - start) * 1000)
    """

  private static let server = """
    import socket, struct, sys, threading
    def answer(s):
        head = b""
        while len(head) < 5 or len(head) < 13 + int.from_bytes(head[3:5], "big"):
            part = s.recv(4096)
            if not part: return
            head += part
        left, block = struct.unpack(">Q", head[-8:])[0], b"x" * (1 << 20)
        while left:
            part = block[:min(left, len(block))]
            s.sendall(part)
            left -= len(part)
        s.close()
    listener = socket.create_server((sys.argv[1], 443), backlog=256)
    open(sys.argv[2], "w").close()
    while True: threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()
    """
}
