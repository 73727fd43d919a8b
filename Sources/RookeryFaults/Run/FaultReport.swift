import Foundation
import RookeryModel

/// What a run did and found.
package struct FaultReport: Sendable {
  package var seed: UInt64
  package var rounds = 0
  package var faults: [Fault: Int] = [:]
  /// Kills of which a turn was in that step, by the log.
  package var hits: [TurnPhase: Int] = [:]
  package var prompts = 0
  package var streams = 0
  package var events = 0
  package var violations: [String] = []

  package init(seed: UInt64) { self.seed = seed }

  package var kills: Int { faults.reduce(0) { $0 + ($1.key.isKill ? $1.value : 0) } }

  /// The step that was hit least.
  var rarest: TurnPhase { TurnPhase.allCases.min { hits[$0, default: 0] < hits[$1, default: 0] } ?? .claim }

  package var text: String {
    let done = Fault.allCases.map { "  \($0.rawValue): \(faults[$0, default: 0])" }.joined(separator: "\n")
    let steps = TurnPhase.allCases.map { "  \($0.rawValue): \(hits[$0, default: 0])" }.joined(separator: "\n")
    return """
      seed \(seed): \(rounds) rounds, \(kills) kills, \(prompts) prompts acknowledged, \(streams) connections, \(events) events received
      faults
      \(done)
      kills by the step of a turn that they hit
      \(steps)
      violations: \(violations.isEmpty ? "none" : "")\(violations.map { "\n  \($0)" }.joined())
      """
  }
}
