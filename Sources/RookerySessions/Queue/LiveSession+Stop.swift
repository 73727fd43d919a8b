import Foundation
import Logging
import RookeryModel
import RookerySandbox

/// The end of a turn that somebody wants: within two seconds its agent works no more, whatever it does about that.
extension LiveSession {
  /// How long an agent that was asked to stop is waited for, then one that was signalled, then one that was killed.
  private static let patienceOfStop: (ask: Duration, signal: Duration, kill: Duration) =
    (.milliseconds(1000), .milliseconds(300), .milliseconds(400))
  /// How long a step that talks to others (a push, a pull request) may still take.
  private static let patienceWithOthers = Duration.milliseconds(1000)

  /// Stops the running turn: asks the agent, then signals it, then kills it. What it did is kept.
  func stop(by person: Author) async throws {
    guard let current = turn, current.phase != .done, !current.stopRequested else { return }
    turn?.requestStop()
    try commit([.turnStopping(.init(by: person))])
    try carryOutStop()
  }

  /// Does what a stop that was recorded asks for; after a restart of ours it is done again.
  func carryOutStop() throws {
    guard let current = turn, current.stopRequested else { return }
    switch current.phase {
    case .claim: step?.cancel()
    case .work: try endAgent(of: current)
    case .push, .pullRequest: endStepLater(of: current)
    // The others are short, and what they do is what a stop is to keep.
    case .checkout, .save, .snapshot, .finish, .done: break
    }
  }

  private func endStepLater(of current: TurnState) {
    stopping = Task {
      do { try await Task.sleep(for: Self.patienceWithOthers) } catch { return }
      if self.turn?.number == current.number, self.turn?.phase == current.phase { self.step?.cancel() }
    }
  }

  private func endAgent(of current: TurnState) throws {
    guard let link else { return }
    let asked = link.interpreter.canCancel
    if asked, let meaning = self.link?.interpreter.cancel() { try apply(meaning) }
    let patience = Self.patienceOfStop
    let escalation: [(Duration, ProcessSignal)] =
      asked ? [(patience.ask, .terminate), (patience.signal, .kill)] : [(.zero, .terminate), (patience.ask + patience.signal, .kill)]
    stopping = Task {
      for (pause, signal) in escalation {
        do {
          try await Task.sleep(for: pause)
          guard self.isEnding(current, link.process) else { return }
          try await link.sandbox.signal(link.process, signal)
        } catch is CancellationError {
          return
        } catch {
          self.logger.notice("could not signal an agent", metadata: ["error": "\(error)"])
        }
      }
      do { try await Task.sleep(for: patience.kill) } catch { return }
      guard self.isEnding(current, link.process) else { return }
      self.abandonAgent(link.process)
    }
  }

  private func isEnding(_ current: TurnState, _ process: ProcessID) -> Bool {
    turn?.number == current.number && turn?.result == nil && link?.process == process
  }

  /// The agent was killed and its end is not heard of, because the sandbox can't be reached or something that it started holds its
  /// output open: the turn ends all the same.
  private func abandonAgent(_ process: ProcessID) {
    link?.pump?.cancel()
    link = nil
    meta.agentProcess = nil
    turn?.agentEnded(stopReason: "killed", succeeded: false, error: nil)
    do { try commit() } catch { logger.warning("a stop was not stored", metadata: ["error": "\(error)"]) }
    wakeWork()
  }
}
