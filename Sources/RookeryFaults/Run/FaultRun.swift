import Foundation
import RookeryModel

/// A whole run: rounds of faults until so many kills were done and every step of a turn was hit often enough.
package struct FaultRun: Sendable {
  package var seed: UInt64
  package var kills: Int
  /// Kills at least in each step of a turn.
  package var hitsPerStep: Int
  package var clients = 2
  package var faultsPerRound = 4
  /// Rounds with one system: the next have a fresh one.
  package var roundsPerSystem = 12
  package var binaries: URL
  /// Told of every round.
  package var log: @Sendable (String) -> Void

  package init(seed: UInt64, kills: Int, hitsPerStep: Int, binaries: URL, log: @escaping @Sendable (String) -> Void) {
    self.seed = seed
    self.kills = kills
    self.hitsPerStep = hitsPerStep
    self.binaries = binaries
    self.log = log
  }

  package func run() async throws -> FaultReport {
    try Self.proveTheChecker(seed: seed)
    var report = FaultReport(seed: seed)
    while !isDone(report) {
      let before = report
      // Every other system has a disk that can be filled; there a sync takes no time, so the others meet commits more often.
      let isSmall = (seed &+ UInt64(report.rounds / roundsPerSystem)).isMultiple(of: 2)
      report = try await FaultSystem.with(binaries: binaries, databaseSize: isSmall ? "96m" : nil) { system in
        try await rounds(before, system)
      }
    }
    return report
  }

  private func isDone(_ report: FaultReport) -> Bool {
    guard report.violations.isEmpty else { return true }
    // What is never hit in four times as many kills is said, not waited for.
    return report.kills >= 4 * max(kills, 1)
      || (report.kills >= kills && TurnPhase.allCases.allSatisfy { report.hits[$0, default: 0] >= hitsPerStep })
  }

  private func rounds(_ before: FaultReport, _ system: FaultSystem) async throws -> FaultReport {
    var report = before
    // The sandboxes of earlier rounds live on while they may be needed.
    var earlier: Set<SandboxID> = []
    for index in 0..<roundsPerSystem where !isDone(report) {
      // Its waits before a restart grow with every death: they begin anew.
      if index > 0 { try await system.restart() }
      let number = report.rounds
      // The plan is the seed's alone until the kills that were asked for are done; then it seeks what is missing.
      let step = TurnPhase.allCases[number % TurnPhase.allCases.count]
      let target = report.kills < kills ? step : report.rarest
      let round = FaultRound(
        number: number, clients: clients, faults: faultsPerRound, target: target, seed: seed &+ UInt64(number) &* 1_000_003)
      var (history, done) = try await round.run(system)
      history.sandboxes.subtract(earlier)
      earlier.formUnion(history.finals.compactMap(\.sandbox))
      report.add(history, done)
      log("round \(number): \(done.map(\.fault.rawValue).joined(separator: ", ")); \(report.kills) kills so far")
      if !report.violations.isEmpty { report.violations += ["The server's log:\n\(system.serverLog)"] }
    }
    return report
  }

  /// A checker that finds nothing proves nothing: every seeded defect must be found first, in some different places.
  package static func proveTheChecker(seed: UInt64) throws {
    for seed in (0..<20).map({ seed &+ $0 }) {
      let sample = try History.sample(seed: seed)
      if let wrong = HistoryChecker.violations(of: sample).first { throw FaultRunFailed("the checker refuses what is right: \(wrong)") }
      for defect in SeededDefect.allCases {
        var generator = SeededGenerator(seed: seed)
        let rules = HistoryChecker.violations(of: try defect.apply(to: sample, using: &generator)).map(\.rule)
        guard rules.contains(defect.rule) else { throw FaultRunFailed("the checker does not find \(defect) with seed \(seed)") }
      }
    }
  }
}

extension FaultReport {
  mutating func add(_ history: History, _ done: [FaultRound.Done]) {
    rounds += 1
    prompts += history.attempts.count { !$0.receipts.isEmpty }
    streams += history.streams.count
    events += history.streams.reduce(0) { $0 + $1.events.count }
    for item in done {
      faults[item.fault, default: 0] += 1
      guard item.fault.isKill else { continue }
      // Only for this count is anything told by time: the log as it was when the kill came.
      for final in history.finals {
        if let phase = PhaseTracker(final.log.prefix { $0.time <= item.time }).phase { hits[phase, default: 0] += 1 }
      }
    }
    violations += HistoryChecker.violations(of: history).map { "round \(rounds - 1): \($0)" }
  }
}
