import Foundation
import Logging
import RookeryConfiguration
import RookeryModel
import RookerySandbox
import RookeryStore

extension LiveSession {
  /// Starts the next turn, or goes on with the one that a crash cut, unless one runs here already.
  func runIfIdle() {
    guard runner == nil, !closing else { return }
    alarmTimer?.cancel()
    runner = Task { await self.runTurns() }
  }

  /// Whether a turn is unfinished or a prompt waits: asked after a restart.
  var hasWork: Bool { turn.map { $0.phase != .done } ?? false || !queue.waiting.isEmpty }

  private func runTurns() async {
    while !closing, !Task.isCancelled {
      do {
        guard try beginTurn() else { break }
      } catch {
        logger.error("could not begin a turn", metadata: ["error": "\(error)"])
        guard await pauseAfterFailure() else { break }
        continue
      }
      await finishTurn()
    }
    await endUnusedSandbox()
    runner = nil
    guard !closing else { return }
    // A prompt may have come meanwhile.
    if hasWork { runIfIdle() } else { await becomeIdle() }
  }

  /// Ends a sandbox that was asked for and that no turn came to use: the turn was stopped, or failed, before it was there.
  private func endUnusedSandbox() async {
    guard let unused = meta.sandbox, !meta.sandboxReady, !hasWork, !closing else { return }
    do {
      _ = try? await early?.start.value
      early = nil
      try await services.provider.terminate(unused, keep: nil)
      meta.sandbox = nil
      try commit()
    } catch {
      // The next turn takes it up, or the alarm that releases it.
      logger.notice("could not end an unused sandbox", metadata: ["error": "\(error)"])
    }
  }

  /// True when there is a turn to run: an unfinished one, or a new one for the next prompt.
  private func beginTurn() throws -> Bool {
    if let turn, turn.phase != .done { return true }
    guard let next = queue.next else { return false }
    guard let prompt = try store.read({ try $0.prompt(next) }), prompt.state == .queued else {
      queue.take(next)
      return try beginTurn()
    }
    let number = (turn?.number ?? 0) + 1
    lastLimit = nil
    turn = TurnState(number: number, prompt: prompt.id, author: prompt.author, started: Date())
    try commit([.turnStarted(.init(prompt: prompt.id, author: prompt.author))]) { transaction in
      try transaction.setState(.running, of: prompt.id, turn: number)
      try transaction.removeAlarms()
      return []
    }
    queue.take(prompt.id)
    return true
  }

  /// Takes the turn through its steps to its end. A shutdown leaves it where it is; a full disk holds it until there is room.
  private func finishTurn() async {
    while let current = turn, current.phase != .done, !closing, !Task.isCancelled {
      let clock = ContinuousClock()
      let began = clock.now
      do {
        try await cancellable { try await self.perform(current.phase) }
        patience = Self.patience
        let step = Self.step(of: current.phase)
        turn?.advance()
        if let step {
          let took = (clock.now - began).components
          let milliseconds = Int(took.seconds) * 1000 + Int(took.attoseconds / 1_000_000_000_000_000)
          commitLater([.stepFinished(.init(step: step, milliseconds: milliseconds))])
          // The agent's start, which follows at once, commits for both.
          if step != .checkout { try commit() }
        } else {
          try commit()
        }
      } catch {
        if closing || Task.isCancelled { return }
        if (error as? RookeryError)?.code == .sandboxLost, await beginAnew() { continue }
        if (error as? RookeryError)?.code == .unavailable, patience > 0, turn?.stopRequested == false {
          // One of our own processes restarts; every step may be repeated.
          patience -= 1
          _ = await pauseAfterFailure()
        } else {
          await fail(with: error)
        }
      }
    }
  }

  /// Where the sandbox ended before the agent heard of the turn, the turn begins in another. The host may not have noted the end yet.
  private func beginAnew() async -> Bool {
    guard turn?.claimAgain() == true else { return false }
    do {
      if meta.sandbox == nil { try commit() } else { try await salvage(reason: "It ended while no turn ran.") }
    } catch {
      // The claim looks again at what there is.
      logger.notice("could not salvage a sandbox", metadata: ["error": "\(error)"])
    }
    return true
  }

  /// How many seconds in a row our own processes may be away before a turn fails for it.
  static let patience = 60

  /// Runs a step so that `stop` can end it where it waits for something long, such as an image's build.
  private func cancellable(_ body: @escaping @Sendable () async throws -> Void) async throws {
    let step = Task { try await body() }
    self.step = step
    defer { self.step = nil }
    try await withTaskCancellationHandler {
      try await step.value
    } onCancel: {
      step.cancel()
    }
  }

  private static func step(of phase: TurnState.Phase) -> TurnStep? {
    switch phase {
    case .claim: .sandbox
    case .checkout: .checkout
    case .work: .work
    case .save: .commit
    case .push: .push
    case .pullRequest: .pullRequest
    case .snapshot: .snapshot
    case .finish, .done: nil
    }
  }

  private func perform(_ phase: TurnState.Phase) async throws {
    if sandbox == nil, [.checkout, .work, .save, .push].contains(phase), try await !reattach() {
      throw RookeryError(
        .sandboxLost, "The sandbox ended in the middle of the turn.",
        mend: "What it had written is kept: send a prompt to go on from there.")
    }
    switch phase {
    case .claim: try await claimSandbox()
    case .checkout: try await checkOut()
    case .work: try await work()
    case .save: try await saveWork()
    case .push: try await push()
    case .pullRequest: try await openPullRequest()
    case .snapshot: try await snapshotTurn()
    case .finish: try concludeTurn()
    case .done: break
    }
  }

  /// The prompt's one terminal event, with the prompt's and the session's state, in one transaction.
  private func concludeTurn() throws {
    guard let current = turn else { return }
    meta.lastResult = current.finished.result
    turn?.advance()
    try commit([.turnFinished(current.finished)]) { transaction in
      for prompt in [current.prompt] + (current.steers ?? []).map(\.prompt) {
        try transaction.setState(current.promptState, of: prompt, turn: current.number)
      }
      return []
    }
  }

  private func fail(with failure: any Error) async {
    if failure is CancellationError, turn?.stopRequested == true {
      turn?.fail(RookeryError(.interrupted, "The turn was stopped."), sandboxLives: sandbox != nil)
      do { try commit() } catch { _ = await pauseAfterFailure() }
      return
    }
    let error =
      failure as? RookeryError
      ?? RookeryError(
        .internal, "The turn failed for a reason of our own.", mend: "The server's log has the details.", context: "\(failure)")
    logger.warning(
      "a step failed", metadata: ["phase": "\(turn?.phase.rawValue ?? "")", "error": "\(error)", "context": "\(error.context)"])
    if error.code == .diskFull {
      // Nothing can be recorded now; what happened so far is safe, so the step is tried again when there may be room.
      _ = await pauseAfterFailure()
      return
    }
    turn?.fail(error, sandboxLives: sandbox != nil)
    do { try commit() } catch { _ = await pauseAfterFailure() }
  }

  /// False when the session closes meanwhile.
  private func pauseAfterFailure() async -> Bool {
    do { try await Task.sleep(for: .seconds(1)) } catch { return false }
    return !closing
  }
}
