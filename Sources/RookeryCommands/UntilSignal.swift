import Glibc

/// Runs `body` until it ends or SIGTERM or SIGINT asks it to: its task is cancelled then, and what it throws because of that is
/// its end. Returns whether it was asked.
@discardableResult
func untilSignal(_ body: @escaping @Sendable () async throws -> Void) async throws -> Bool {
  let signals = SignalStream(SIGTERM, SIGINT)
  return try await withThrowingTaskGroup(of: Bool.self) { group in
    group.addTask {
      try await body()
      return false
    }
    group.addTask {
      for await _ in signals.signals { return true }
      return false
    }
    let wasAsked = try await group.next() ?? false
    group.cancelAll()
    guard wasAsked else { return false }
    do { try await group.waitForAll() } catch is CancellationError {}
    return true
  }
}
