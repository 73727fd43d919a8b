import ArgumentParser
import Foundation

/// `make faults`.
package struct FaultsCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "rookery-faults",
    abstract: "Breaks a running system in every way that it must survive, and judges what it did.",
    discussion: "See docs/faults.md. Needs root, and a base (“rookery base make”).")

  @Option(help: "Processes to kill, at least.")
  var kills = 1000

  @Option(help: "The seed of the run: the same seed plans the same faults. Random when absent, and printed.")
  var seed: UInt64?

  @Option(help: "Kills at least in each step of a turn.")
  var hits = 10

  package init() {}

  /// Runs the process: reads its arguments, and exits with what came of it.
  package static func start() async { await main() }

  package func run() async throws {
    let seed = seed ?? .random(in: .min ... .max)
    Self.say("seed \(seed)")
    let binaries = URL(filePath: try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")).deletingLastPathComponent()
    let report = try await FaultRun(seed: seed, kills: kills, hitsPerStep: hits, binaries: binaries) { Self.say($0) }.run()
    Self.say(report.text)
    let missed = TurnPhase.allCases.filter { report.hits[$0, default: 0] < hits }
    if !missed.isEmpty { Self.say("hit less than \(hits) times: \(missed.map(\.rawValue).joined(separator: ", "))") }
    if !report.violations.isEmpty || !missed.isEmpty { throw ExitCode.failure }
  }

  /// At once, also into a pipe.
  private static func say(_ text: String) { FileHandle.standardOutput.write(Data((text + "\n").utf8)) }
}
