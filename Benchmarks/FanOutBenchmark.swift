import Foundation
import RookeryModel

/// Fan-out of a session to many sockets, beside uWebSockets, picows and python websockets: every server is a process of its own, the
/// same load generator measures them in turn, and each quantity is measured several times.
struct FanOutBenchmark {
  /// What `rookery-load` reports.
  struct Report: Decodable {
    var deliveriesPerSecond: Double
    var p99: Double
    var gaps: Int
    var repeats: Int
    var closed: Int
    var kilobytesBefore: Double
    var kilobytesConnected: Double
    var kilobytesLoaded: Double
  }

  private struct Subject {
    var name: String
    var process: Process
    var arguments: [String]
  }

  static let peers = [("socketify", "uWebSockets"), ("picows", "picows"), ("websockets", "python websockets")]
  static let clients = 1000

  let directory: String
  /// Peers that may be missing.
  let waived: Set<String>
  private var programs: URL { URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent() }
  private var python: String { ProcessInfo.processInfo.environment["ROOKERY_BENCH_PYTHON"] ?? "/var/cache/rookery/bench-venv/bin/python" }

  func run(rounds: Int = 3) throws -> [Comparison] {
    var rows: [Comparison] = []
    let (ours, address) = try startOurs()
    defer { ours.process.terminate() }
    var peers: [(name: String, subject: Subject)] = []
    for (module, name) in Self.peers where !waived.contains(module) { peers.append((name, try startPeer(module, name))) }
    defer { for peer in peers { peer.subject.process.terminate() } }

    for (name, subject) in peers {
      for (what, window) in [("one message in flight", 1), ("8 messages in flight", 8)] {
        var (own, other): ([Double], [Double]) = ([], [])
        for _ in 0..<rounds {
          other.append(try inverse(load(subject, ["--window", "\(window)"])))
          own.append(try inverse(load(ours, ["--window", "\(window)"])))
        }
        rows.append(
          Comparison(
            name: "fan-out to \(Self.clients), \(what), µs a delivery", ours: .init(samples: own), peer: .init(samples: other),
            peerName: name, goal: 1, unit: "µs"))
      }
    }
    let paced = try (0..<rounds).map { _ in try load(ours, ["--rate", "50"]) }
    rows.append(single("fan-out, 50,000 deliveries/s, p99", paced.map(\.p99), 16, "ms"))
    let stalled = try (0..<rounds).map { _ in
      try load(ours, ["--readers", "50", "--stalled", "50", "--rate", "200", "--size", "2000"])
    }
    rows.append(single("beside 50 stalled clients, p99", stalled.map(\.p99), 30, "ms"))
    rows.append(
      single("beside 50 stalled clients, memory more", stalled.map { ($0.kilobytesLoaded - $0.kilobytesBefore) / 1024 }, 64, "MiB"))
    let idle = try startOurs()
    defer { idle.0.process.terminate() }
    let many = try load(idle.0, ["--readers", "5000", "--rate", "1", "--seconds", "1"])
    rows.append(single("memory of a connection", [(many.kilobytesConnected - many.kilobytesBefore) / 5000], 15, "kB"))
    rows.append(try catchUp(address))
    return rows
  }

  private func single(_ name: String, _ samples: [Double], _ goal: Double, _ unit: String) -> Comparison {
    Comparison(name: name, ours: .init(samples: samples), peer: nil, peerName: "", goal: goal, unit: unit)
  }

  /// Microseconds for each delivery: less is better, as everywhere in the table.
  private func inverse(_ report: Report) throws -> Double {
    guard report.gaps == 0, report.repeats == 0 else { throw BenchmarkFailure("messages were lost or came twice") }
    return 1_000_000 / report.deliveriesPerSecond
  }

  private func load(_ subject: Subject, _ arguments: [String]) throws -> Report {
    let text = try output(
      [programs.appending(path: "rookery-load").path] + subject.arguments
        + ["--readers", "\(Self.clients)", "--seconds", "3", "--pid", "\(subject.process.processIdentifier)"] + arguments)
    return try JSON.decode(Report.self, from: Data(text.utf8))
  }

  private func startPeer(_ module: String, _ name: String) throws -> Subject {
    let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "peers/fan_out_\(module).py").path
    let (process, line) = try start(python, [script])
    guard let port = Int(line) else {
      process.terminate()
      throw BenchmarkFailure("\(name) does not run: “make bench” installs it, or waive it with --waive \(module)")
    }
    return Subject(name: name, process: process, arguments: ["--port", "\(port)"])
  }

  private func startOurs() throws -> (Subject, FanOutServer.Address) {
    let (process, line) = try start(CommandLine.arguments[0], ["fan-out-server"])
    let address = try JSON.decode(FanOutServer.Address.self, from: Data(line.utf8))
    let subject = Subject(
      name: "rookery", process: process,
      arguments: [
        "--port", "\(address.port)", "--line-port", "\(address.linePort)", "--header", "Authorization: Bearer \(address.token)",
        // Only what is live counts.
        "--path", "/v1/sessions/\(address.session)/events?after=\(address.seq)",
      ])
    return (subject, address)
  }

  /// Starts a process, and returns the first line that it prints.
  private func start(_ program: String, _ arguments: [String]) throws -> (Process, String) {
    let process = Process()
    process.executableURL = URL(filePath: program)
    process.arguments = arguments
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    var line = Data()
    while let byte = try pipe.fileHandleForReading.read(upToCount: 1), byte.first != UInt8(ascii: "\n") { line += byte }
    return (process, String(decoding: line, as: UTF8.self))
  }

  /// A client that was away reads 10,000 events.
  private func catchUp(_ address: FanOutServer.Address) throws -> Comparison {
    var samples: [Double] = []
    for _ in 0..<5 {
      samples.append(
        try milliseconds {
          _ = try output([
            "sh", "-c",
            """
            curl -sN -H 'Accept: text/event-stream' -H 'Authorization: Bearer \(address.token)' \
              'http://127.0.0.1:\(address.port)/v1/sessions/\(address.session)/events' | grep -m \(FanOutServer.storedEvents) -c '^data:'
            """,
          ])
        })
    }
    return single("catch-up of 10,000 events", samples, 200, "ms")
  }
}
