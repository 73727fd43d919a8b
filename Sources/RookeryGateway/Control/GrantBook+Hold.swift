import RookeryModel

extension GrantBook {
  /// How long an answer is held at most; then the call fails, and the agent tries again.
  private static let longestHold = Duration.seconds(60)

  /// Returns when the sandbox may hear the model's answers. Calls go out meanwhile, so that holding costs nothing while the model
  /// thinks; what it says reaches no agent before the agent's working copy is at the newest commit. Throws `unavailable`.
  func answersReleased(_ sandbox: SandboxID, within limit: Duration = longestHold) async throws {
    let deadline = ContinuousClock.now + limit
    while true {
      let version = changes.version
      guard holdsAnswers(sandbox) else { return }
      try Task.checkCancellation()
      let left = deadline - .now
      guard left > .zero else {
        throw RookeryError(
          .unavailable, "The sandbox is still being brought to the newest commit.", mend: "Try again in a moment.")
      }
      await changes.wait(past: version, upTo: left)
    }
  }
}
