import Foundation

/// Runs work that blocks on a thread of its own, outside Swift's cooperative pool.
package enum BlockingThread {
  /// Runs `work` on a new thread and returns what it returns.
  package static func run<Value: Sendable>(
    name: String, _ work: @escaping @Sendable () throws -> Value
  ) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
      start(name: name) { continuation.resume(with: Result { try work() }) }
    }
  }

  /// Starts a thread that ends when `work` returns.
  package static func start(name: String, _ work: @escaping @Sendable () -> Void) {
    let thread = Thread(block: work)
    thread.name = name
    thread.stackSize = 512 << 10
    thread.start()
  }
}
