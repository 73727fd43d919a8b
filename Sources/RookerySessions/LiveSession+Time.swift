import Foundation
import Logging
import RookeryModel
import RookerySandbox

/// The end of a turn's time: people are warned, the agent is asked to end, and what it did is saved like that of a stopped turn.
extension LiveSession {
  /// Ends the turn when it has run for `runtime` seconds, or when its sandbox is about to reach its own end.
  func keepTime(turn number: Int, from started: Date, runtime: Int) async throws {
    var deadline = started.addingTimeInterval(Double(runtime))
    if let expiry = try? await sandboxExpiry() { deadline = min(deadline, expiry.addingTimeInterval(-Self.lifetimeMargin)) }
    let notice = min(300, Double(runtime) / 10)
    let warned = deadline.addingTimeInterval(-notice)
    // After a restart of the server, for instance, the warning was given.
    if warned.timeIntervalSinceNow > 0 {
      try await Task.sleep(for: .seconds(warned.timeIntervalSinceNow))
      guard isWorking(on: number) else { return }
      try commit([.limitWarning(.init(limit: .runtime, detail: "The turn ends in \(Int(notice)) s; what it did is kept then."))])
    }
    try await Task.sleep(for: .seconds(max(0, deadline.timeIntervalSinceNow)))
    guard isWorking(on: number) else { return }
    try await runtimeExceeded(seconds: Int(Date().timeIntervalSince(started)))
  }

  private func isWorking(on number: Int) -> Bool { turn?.number == number && turn?.result == nil && link != nil }

  private func runtimeExceeded(seconds: Int) async throws {
    guard let link else { return }
    turn?.agentEnded(
      stopReason: "runtime", succeeded: false,
      error: RookeryError(
        .limitHit, "The turn reached its runtime limit after \(seconds) s.",
        mend: "Its work is kept: send a prompt to go on, raise runtime_seconds, or ask for less at once."))
    try commit([.limitHit(.init(limit: .runtime, detail: "The turn ran for \(seconds) s."))])
    // The turn is over for us at once; the agent's process must not go on writing while its work is saved.
    try await link.sandbox.signal(link.process, .kill)
    wakeWork()
  }
}
