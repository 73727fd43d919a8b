import RookeryModel

/// The steps of a turn as docs/protocol.md names them (“A turn, and a crash in it”).
package enum TurnPhase: String, Sendable, CaseIterable {
  case claim, checkout, work, save, push, pullRequest = "pull request", snapshot, finish
}

/// In which step a session is, from its log alone.
package struct PhaseTracker: Sendable {
  /// Nil between turns.
  package private(set) var phase: TurnPhase?
  private var hasCommit = false

  package init() {}

  package init(_ events: some Sequence<Event>) {
    for event in events { take(event) }
  }

  package mutating func take(_ event: Event) {
    switch event.payload {
    case .turnStarted:
      phase = .claim
      hasCommit = false
    case .commitCreated: hasCommit = true
    case .stepFinished(let body):
      switch body.step {
      case .sandbox: phase = .checkout
      case .checkout: phase = .work
      case .agent: break
      case .work: phase = .save
      case .commit: phase = hasCommit ? .push : .snapshot
      case .push: phase = .pullRequest
      case .pullRequest: phase = .snapshot
      case .snapshot: phase = .finish
      }
    case .turnFinished: phase = nil
    default: break
    }
  }
}
