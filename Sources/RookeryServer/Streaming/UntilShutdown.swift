import RookeryModel
import ServiceLifecycle

/// Runs an operation that waits; it is cancelled, and `unavailable` thrown, when the server shuts down.
func untilShutdown<Value: Sendable>(_ operation: @escaping @Sendable () async throws -> Value) async throws -> Value {
  try await withThrowingTaskGroup(of: Value?.self) { group in
    group.addTask { try await operation() }
    group.addTask {
      try await gracefulShutdown()
      return nil
    }
    defer { group.cancelAll() }
    guard let first = try await group.next(), let value = first else {
      throw RookeryError(.unavailable, "The server is shutting down.", mend: "Try again in a moment.")
    }
    return value
  }
}
