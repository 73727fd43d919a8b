import Foundation
import RookeryCommands
import RookeryModel

/// From a prompt to the first instruction of its script in a fresh sandbox, beside what bubblewrap and podman take from their start to
/// the first instruction on the same root filesystem. All read the same clock inside. “Sent” is before the client's request,
/// “accepted” when it has the receipt, which says that the prompt is on the disk.
struct StartBenchmark {
  let system: BenchmarkSystem
  let root: String
  static let clock = "date +%s%N"

  func run(rounds: Int) async throws -> [Comparison] {
    let podman = try Podman(root: root, directory: system.directory)
    defer { podman.remove() }
    var (sent, accepted, bubblewrap, container): ([Double], [Double], [Double], [Double]) = ([], [], [], [])
    for round in 0..<rounds {
      let start = try await session()
      sent.append(start.sent)
      accepted.append(start.accepted)
      bubblewrap.append(
        try Self.spawned(["bwrap", "--unshare-all", "--bind", root, "/", "--proc", "/proc", "--dev", "/dev", "/bin/sh", "-c", Self.clock]))
      if round % 3 == 0 { container.append(try podman.run()) }
    }
    let measured = Measurement(samples: accepted)
    return [
      Comparison(
        name: "prompt sent → agent runs", ours: .init(samples: sent), peer: .init(samples: container), peerName: "podman run", goal: 0.25,
        unit: "ms"),
      Comparison(
        name: "prompt accepted → agent runs", ours: measured, peer: .init(samples: container), peerName: "podman run", goal: 0.25,
        unit: "ms"),
      Comparison(
        name: "prompt accepted → agent runs", ours: measured, peer: .init(samples: bubblewrap), peerName: "bare bwrap", goal: 4, unit: "ms"),
    ]
  }

  /// One session with a `command` agent: milliseconds to its script's first line.
  private func session() async throws -> (sent: Double, accepted: Double) {
    let sent = Date()
    let receipt = try await system.api.post(
      "/v1/sessions",
      API.CreateSession(requestId: UUID().uuidString, repository: system.repository, prompt: Self.clock, agent: try AgentName("command")),
      as: API.PromptReceipt.self)
    let accepted = Date()
    while true {
      let events = try await system.api.get("/v1/sessions/\(receipt.session)/events?after=0&limit=500", as: API.Events.self).events
      if events.contains(where: { $0.payload.kind == "turn.finished" }) {
        let began = try Self.told(events)
        return (began - sent.timeIntervalSince1970 * 1000, began - accepted.timeIntervalSince1970 * 1000)
      }
      try await Task.sleep(for: .milliseconds(20))
    }
  }

  /// What the script printed: the clock at its first line, in milliseconds.
  private static func told(_ events: [Event]) throws -> Double {
    let text = events.reduce(into: "") { text, event in
      if case .agentOutput(let chunk) = event.payload { text += chunk.text }
    }
    guard let nanoseconds = Double(text.trimmingCharacters(in: .whitespacesAndNewlines)) else {
      throw BenchmarkFailure("the session's script did not tell the time: \(events.map(\.payload.kind))")
    }
    return nanoseconds / 1e6
  }

  static func spawned(_ arguments: [String]) throws -> Double {
    let before = Date().timeIntervalSince1970 * 1000
    let text = try output(arguments)
    guard let nanoseconds = Double(text.trimmingCharacters(in: .whitespacesAndNewlines)) else {
      throw BenchmarkFailure("\(arguments[0]) did not tell the time: \(text)")
    }
    return nanoseconds / 1e6 - before
  }
}

/// The peer that most people would use, on the same root filesystem.
struct Podman {
  private static let image = "localhost/rookery-benchmark"
  private let command: [String]

  /// `directory`: for its configuration. By default podman asks for higher limits than this process may have, which takes a right
  /// that not every root has.
  init(root: String, directory: String) throws {
    let files = try output(["sh", "-c", "ulimit -Hn"]).trimmingCharacters(in: .whitespacesAndNewlines)
    let configuration = directory + "/containers.conf"
    try Data("[containers]\ndefault_ulimits = [\"nofile=\(files):\(files)\", \"nproc=4096:4096\"]\n[engine]\nruntime = \"runc\"\n".utf8)
      .write(to: URL(filePath: configuration))
    command = ["CONTAINERS_CONF=\(configuration)", "podman"]
    _ = try output(["sh", "-c", "tar -C \(root) -c . | podman import --quiet - \(Self.image)"])
  }

  func run() throws -> Double {
    try StartBenchmark.spawned(command + ["run", "--rm", "--network", "none", Self.image, "/bin/sh", "-c", StartBenchmark.clock])
  }

  func remove() { _ = try? output(["podman", "rmi", "--force", Self.image]) }
}

/// Runs a program to its end and returns what it printed.
func output(_ arguments: [String]) throws -> String {
  let process = Process()
  process.executableURL = URL(filePath: "/usr/bin/env")
  process.arguments = arguments
  let pipe = Pipe()
  process.standardOutput = pipe
  process.standardInput = FileHandle.nullDevice
  try process.run()
  let data = pipe.fileHandleForReading.readDataToEndOfFile()
  process.waitUntilExit()
  guard process.terminationStatus == 0 else { throw BenchmarkFailure("\(arguments.joined(separator: " ")) failed") }
  return String(decoding: data, as: UTF8.self)
}
