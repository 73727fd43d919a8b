import Foundation
import RookeryModel
import Testing

@testable import RookerySessions

@Suite struct TurnStateTests {
  private func turn() -> TurnState {
    TurnState(
      number: 1, prompt: .random(prefix: "p"), author: Author(user: .random(prefix: "u"), name: "Ada", email: "ada@example.com"),
      started: Date())
  }

  private let failure = RookeryError(.sandboxFailed, "It broke.", mend: "Mend it.")

  @Test func aTurnThatMadeACommitPassesThroughEveryStep() {
    var turn = turn()
    var phases: [TurnState.Phase] = [turn.phase]
    while turn.phase != .done {
      if turn.phase == .work { turn.agentEnded(stopReason: "end_turn", succeeded: true, error: nil) }
      if turn.phase == .save { turn.commit = "abc" }
      turn.advance()
      phases.append(turn.phase)
    }
    #expect(phases == [.claim, .checkout, .work, .save, .push, .pullRequest, .snapshot, .finish, .done])
    #expect(turn.finished.result == .completed)
    #expect(turn.promptState == .completed)
  }

  @Test func nothingToPushSkipsThePush() {
    var turn = turn()
    turn.advance()
    turn.advance()
    turn.agentEnded(stopReason: "end_turn", succeeded: true, error: nil)
    turn.advance()
    #expect(turn.phase == .save)
    turn.advance()
    #expect(turn.phase == .snapshot)
    turn.advance()
    #expect(turn.phase == .finish)
  }

  @Test func aSandboxThatIsFoundDeadIsReplacedOnce() {
    var turn = turn()
    let early = turn.claimAgain()
    turn.advance()
    let first = turn.claimAgain()
    #expect(!early && first && turn.phase == .claim)
    turn.advance()
    let second = turn.claimAgain()
    #expect(!second && turn.phase == .checkout)
  }

  @Test func aStopBeforeTheAgentStartedEndsTheTurn() {
    var turn = turn()
    turn.requestStop()
    turn.advance()
    #expect(turn.phase == .finish)
    #expect(turn.finished.result == .interrupted)
  }

  @Test func aStopDuringWorkSavesIt() {
    var turn = turn()
    turn.advance()
    turn.advance()
    turn.requestStop()
    turn.agentEnded(stopReason: "end_turn", succeeded: true, error: nil)
    turn.advance()
    #expect(turn.phase == .save)
    #expect(turn.finished.result == .interrupted)
    #expect(!turn.keepsOnBranch)
    turn.advance()
    #expect(turn.phase == .snapshot)
    turn.advance()
    #expect(turn.phase == .finish)
  }

  @Test(arguments: [true, false]) func aFailureWhileWorkingSavesWhatThereIs(sandboxLives: Bool) {
    var turn = turn()
    turn.advance()
    turn.advance()
    turn.fail(failure, sandboxLives: sandboxLives)
    #expect(turn.phase == (sandboxLives ? .save : .finish))
    #expect(turn.finished.result == .failed)
    #expect(turn.finished.error == failure)
  }

  @Test func aFailedPushKeepsTheCommitInTheReport() {
    var turn = turn()
    turn.advance()
    turn.advance()
    turn.agentEnded(stopReason: "end_turn", succeeded: true, error: nil)
    turn.advance()
    turn.commit = "abc"
    turn.advance()
    turn.fail(failure, sandboxLives: true)
    // What the failure left is in a snapshot, too.
    #expect(turn.phase == .snapshot)
    turn.snapshot = SnapshotID(rawValue: "s-t1")
    turn.advance()
    #expect(turn.phase == .finish)
    #expect(
      turn.finished
        == TurnFinished(
          prompt: turn.prompt, result: .failed, stopReason: "end_turn", commit: "abc", snapshot: SnapshotID(rawValue: "s-t1"),
          error: failure))
  }

  @Test func theFirstOutcomeCounts() {
    var turn = turn()
    turn.advance()
    turn.advance()
    turn.agentEnded(stopReason: "exit 1", succeeded: false, error: failure)
    turn.agentEnded(stopReason: "end_turn", succeeded: true, error: nil)
    #expect(turn.finished.result == .failed)
    #expect(turn.finished.stopReason == "exit 1")
  }

  @Test func itSurvivesTheFileUnchanged() throws {
    var turn = turn()
    turn.advance()
    turn.prompted = true
    turn.requestStop()
    #expect(try JSON.decode(TurnState.self, from: JSON.encode(turn)).phase == turn.phase)
    #expect(try JSON.decode(TurnState.self, from: JSON.encode(turn)).stopRequested)
  }
}
