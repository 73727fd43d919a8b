import Foundation
import RookeryModel

/// The agent's work on one prompt, as a value: which step it is in and what is known. It is committed at each change, and
/// every step is safe to repeat, so a crash resumes here.
///
/// Valid transitions are `claim → checkout → work → save → push → pullRequest → snapshot → finish → done`; a sandbox that is found dead
/// leads from `checkout` to `claim`, once; a failure or a stop leads to `save` while there may be work to keep, and to `finish` otherwise.
struct TurnState: Codable, Equatable, Sendable {
  enum Phase: String, Codable, Sendable { case claim, checkout, work, save, push, pullRequest, snapshot, finish, done }

  var number: Int
  var prompt: PromptID
  var author: Author
  var started: Date
  private(set) var phase = Phase.claim
  private(set) var hasClaimedAgain: Bool?
  /// Whether the prompt was given to the agent.
  var prompted = false
  private(set) var stopRequested = false
  /// What became of the agent's work; the first answer counts.
  private(set) var result: TurnFinished.Result?
  private(set) var stopReason: String?
  private(set) var error: RookeryError?
  /// HEAD when the turn began.
  var startCommit: String?
  /// HEAD after `save`, when it holds something the remote lacks or this turn made.
  var commit: String?
  /// The sandbox's filesystem as the turn left it.
  var snapshot: SnapshotID?
  /// Bytes of agent output that became events.
  var outputBytes = 0
  /// Prompts that the agent was given while it worked, oldest first.
  var steers: [Steer]?
  /// When the agent's open questions are answered for want of another answer, by their number.
  var deadlines: [Int: Date]?

  struct Steer: Codable, Equatable, Sendable {
    var prompt: PromptID
    var author: Author
  }

  /// Who has a part in the turn's work beside its author.
  var coauthors: [Author] {
    (steers ?? []).reduce(into: []) { people, steer in
      if steer.author.email.lowercased() != author.email.lowercased(), !people.contains(where: { $0.email == steer.author.email }) {
        people.append(steer.author)
      }
    }
  }

  init(number: Int, prompt: PromptID, author: Author, started: Date) {
    self.number = number
    self.prompt = prompt
    self.author = author
    self.started = started
  }

  /// Whether the turn's work is committed to the branch; otherwise what there is goes to a hidden ref.
  var keepsOnBranch: Bool { result == .completed }

  /// The step succeeded.
  mutating func advance() {
    switch phase {
    case .claim: phase = stopRequested ? settle(.interrupted, .finish) : .checkout
    case .checkout: phase = stopRequested ? settle(.interrupted, .finish) : .work
    case .work: phase = .save
    case .save: phase = result == .completed && commit != nil ? .push : .snapshot
    case .push: phase = .pullRequest
    case .pullRequest: phase = .snapshot
    case .snapshot: phase = .finish
    case .finish, .done: phase = .done
    }
  }

  /// The agent ended its work by itself.
  mutating func agentEnded(stopReason reason: String, succeeded: Bool, error failure: RookeryError?) {
    guard result == nil else { return }
    stopReason = reason
    error = stopRequested ? nil : failure
    result = stopRequested || reason == "cancelled" ? .interrupted : succeeded ? .completed : .failed
  }

  /// The sandbox ended before the agent heard of the turn: the turn claims another, once. False where that is no use.
  mutating func claimAgain() -> Bool {
    guard phase == .checkout, hasClaimedAgain != true, !stopRequested else { return false }
    hasClaimedAgain = true
    phase = .claim
    return true
  }

  /// A limit is why the agent failed.
  mutating func blame(_ hit: LimitHit) {
    error = RookeryError(
      .limitHit, "The agent was killed: the sandbox had reached its \(hit.limit.rawValue) limit (\(hit.detail)).",
      mend: "Raise the limit in the repository's configuration, or ask for less at once.")
  }

  /// The step failed. With `sandboxLives` whatever there is in the sandbox is saved first.
  mutating func fail(_ failure: RookeryError, sandboxLives: Bool) {
    if result == nil || result == .completed {
      result = stopRequested ? .interrupted : .failed
      error = stopRequested ? nil : failure
    }
    switch phase {
    case .checkout, .work: phase = sandboxLives ? .save : .finish
    case .save, .push, .pullRequest: phase = sandboxLives ? .snapshot : .finish
    case .claim, .snapshot, .finish: phase = .finish
    case .done: break
    }
  }

  /// Someone pressed stop. Steps that are short anyway run to their end.
  mutating func requestStop() { stopRequested = true }

  private mutating func settle(_ outcome: TurnFinished.Result, _ next: Phase) -> Phase {
    if result == nil { result = outcome }
    return next
  }

  /// The one terminal event of the prompt.
  var finished: TurnFinished {
    TurnFinished(
      prompt: prompt, result: result ?? .failed, stopReason: stopReason, commit: commit, snapshot: snapshot, error: error,
      steered: steers?.map(\.prompt))
  }

  var promptState: Prompt.State {
    switch result ?? .failed {
    case .completed: .completed
    case .failed: .failed
    case .interrupted: .interrupted
    }
  }
}
