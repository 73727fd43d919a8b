import Foundation
import RookeryModel
import Synchronization

/// What happened to sandboxes, in order, for `nextEvents`. Keeps the newest; a reader that falls further behind compares lists.
final class HostEventLog: Sendable {
  private struct State {
    var events: [HostEvent] = []
    var last: Int64
    var waiters: [UInt64: AsyncStream<Void>.Continuation] = [:]
    var nextWaiter: UInt64 = 0
  }

  private let limit: Int
  private let state: Mutex<State>

  /// Numbers go on above those of an earlier process of this host, since they start from the clock, in microseconds.
  init(limit: Int = 10_000, start: Date = Date()) {
    self.limit = limit
    state = Mutex(State(last: Int64(start.timeIntervalSince1970 * 1_000_000)))
  }

  func append(_ sandbox: SandboxID, _ kind: HostEvent.Kind) {
    state.withLock { state in
      state.last += 1
      state.events.append(HostEvent(seq: state.last, sandbox: sandbox, kind: kind))
      // Dropped in bulk, so that a full log does not move every entry on each append.
      if state.events.count > limit + limit / 4 { state.events.removeFirst(state.events.count - limit) }
      for waiter in state.waiters.values { waiter.finish() }
      state.waiters = [:]
    }
  }

  /// Events after `after`, at once or as soon as there is one; empty when `wait` is over.
  func next(after: Int64, wait: Duration) async -> [HostEvent] {
    let (signal, continuation) = AsyncStream<Void>.makeStream()
    let found: (events: [HostEvent], waiter: UInt64)? = state.withLock { state in
      let events = Self.events(in: state, after: after)
      guard events.isEmpty else { return (events, 0) }
      state.nextWaiter += 1
      state.waiters[state.nextWaiter] = continuation
      return ([], state.nextWaiter)
    }
    guard let found, found.events.isEmpty else { return found?.events ?? [] }
    let timer = Task {
      try? await Task.sleep(for: wait)
      continuation.finish()
    }
    for await _ in signal {}
    timer.cancel()
    return state.withLock { state in
      state.waiters[found.waiter] = nil
      return Self.events(in: state, after: after)
    }
  }

  private static func events(in state: State, after: Int64) -> [HostEvent] {
    // Sorted by seq: the first one after `after` is found from the end, where readers are.
    guard let index = state.events.lastIndex(where: { $0.seq <= after }) else { return Array(state.events.prefix(1000)) }
    return Array(state.events[(index + 1)...].prefix(1000))
  }
}
