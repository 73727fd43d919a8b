import RookeryModel

/// Runs `body`, which must end soon after it is cancelled, and throws `failure` when it takes longer than `duration`.
package func withDeadline<Value: Sendable>(
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

/// Runs `body` to its end even when the caller is cancelled: what must not be left half done, such as ending a sandbox.
func uncancelled<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
  // An unstructured task doesn't inherit cancellation; awaiting it keeps it inside the caller's life.
  try await Task { try await body() }.value
}
