/// What `eventually` throws when its time is over.
package struct DeadlinePassed: Error, CustomStringConvertible {
  package var description: String
}

/// Asks again and again, in short steps, until `condition` holds; throws `DeadlinePassed` after `timeout`.
///
/// For what can only be polled. Where something can be awaited, await it.
package func eventually(
  timeout: Duration = .seconds(60), _ what: String = "the condition", _ condition: () async throws -> Bool
) async throws {
  let deadline = ContinuousClock.now + timeout
  while try await !condition() {
    guard ContinuousClock.now < deadline else { throw DeadlinePassed(description: "\(what) did not hold within \(timeout)") }
    try await Task.sleep(for: .milliseconds(20))
  }
}

/// Runs `operation`, and cancels it and throws `DeadlinePassed` when it takes longer than `timeout`.
package func within<Value: Sendable>(
  _ timeout: Duration = .seconds(120), _ operation: @escaping @Sendable () async throws -> Value
) async throws -> Value {
  try await withThrowingTaskGroup(of: Value.self) { group in
    group.addTask(operation: operation)
    group.addTask {
      try await Task.sleep(for: timeout)
      throw DeadlinePassed(description: "not done within \(timeout)")
    }
    defer { group.cancelAll() }
    guard let value = try await group.next() else { throw CancellationError() }
    return value
  }
}
