import RookeryModel

/// Runs `body`, which must end soon after it is cancelled, and throws `failure` when it takes longer than `duration`.
func withTimeLimit<Value: Sendable>(
  _ duration: Duration, failure: RookeryError, _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
  try await withThrowingTaskGroup(of: Value.self) { group in
    group.addTask { try await body() }
    group.addTask {
      try await Task.sleep(for: duration)
      throw failure
    }
    defer { group.cancelAll() }
    guard let first = try await group.next() else { throw CancellationError() }
    return first
  }
}
