import RookeryControl
import Synchronization

/// Calls that block and that nothing can interrupt.
enum BlockingWork {
  /// Throws `failure` after `limit` while the call itself goes on unobserved, on a thread of its own.
  static func run<Value: Sendable>(
    atMost limit: Duration, failure: any Error, _ body: @escaping @Sendable () throws -> Value
  ) async throws -> Value {
    let answer = Once<Value>()
    BlockingThread.start(name: "blocking-work") { answer.resolve(Result { try body() }) }
    let timer = Task {
      try await Task.sleep(for: limit)
      answer.resolve(.failure(failure))
    }
    defer { timer.cancel() }
    return try await withTaskCancellationHandler {
      try await answer.value()
    } onCancel: {
      answer.resolve(.failure(CancellationError()))
    }
  }

  /// A result that is set once, by whoever comes first, and awaited once.
  private final class Once<Value: Sendable>: Sendable {
    private enum State {
      case empty
      case waiting(CheckedContinuation<Value, any Error>)
      case resolved(Result<Value, any Error>)
    }
    private let state = Mutex(State.empty)

    func resolve(_ result: Result<Value, any Error>) {
      let waiting: CheckedContinuation<Value, any Error>? = state.withLock { state in
        switch state {
        case .resolved: return nil
        case .empty:
          state = .resolved(result)
          return nil
        case .waiting(let continuation):
          state = .resolved(result)
          return continuation
        }
      }
      waiting?.resume(with: result)
    }

    func value() async throws -> Value {
      try await withCheckedThrowingContinuation { continuation in
        let resolved: Result<Value, any Error>? = state.withLock { state in
          if case .resolved(let result) = state { return result }
          state = .waiting(continuation)
          return nil
        }
        if let resolved { continuation.resume(with: resolved) }
      }
    }
  }
}
