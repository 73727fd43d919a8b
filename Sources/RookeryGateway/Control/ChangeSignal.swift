import Synchronization

/// Wakes those who wait for a change. A waiter names the version that it has seen, so that no change is missed.
final class ChangeSignal: Sendable {
  private struct State {
    var version: UInt64 = 0
    var next: UInt64 = 0
    var waiting: [UInt64: CheckedContinuation<Void, Never>] = [:]
  }

  private let state = Mutex(State())

  var version: UInt64 { state.withLock { $0.version } }

  func notify() {
    let waiting = state.withLock { state in
      state.version += 1
      defer { state.waiting = [:] }
      return Array(state.waiting.values)
    }
    waiting.forEach { $0.resume() }
  }

  /// Returns when something changed after `version`, or when the task is cancelled.
  func wait(past version: UInt64) async {
    let ticket = state.withLock { state in
      state.next += 1
      return state.next
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isOver = state.withLock { state in
          if state.version != version || Task.isCancelled { return true }
          state.waiting[ticket] = continuation
          return false
        }
        if isOver { continuation.resume() }
      }
    } onCancel: {
      state.withLock { $0.waiting.removeValue(forKey: ticket) }?.resume()
    }
  }

  /// As above, and also after `limit`.
  func wait(past version: UInt64, upTo limit: Duration) async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.wait(past: version) }
      group.addTask { try? await Task.sleep(for: limit) }
      await group.next()
      group.cancelAll()
    }
  }
}
