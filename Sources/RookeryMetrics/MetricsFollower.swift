import Foundation
import Logging
import RookeryModel
import RookeryStore
import Synchronization

/// Keeps the derived figures up with the sessions, a moment behind them: it follows, it is never waited for.
package final class MetricsFollower: Sendable {
  private struct State {
    var due: Set<SessionID> = []
    var isScheduled = false
  }

  private let store: MetricsStore
  private let directory: String
  private let delay: DispatchTimeInterval
  private let logger: Logger
  private let state = Mutex(State())
  /// The store's one writer.
  private let queue = DispatchQueue(label: "metrics")

  /// - Parameters:
  ///   - directory: where each session has a directory of its own.
  ///   - milliseconds: for which commits are gathered before they are looked at.
  package init(store: MetricsStore, directory: String, milliseconds: Int = 1000, logger: Logger) {
    self.store = store
    self.directory = directory
    delay = .milliseconds(milliseconds)
    self.logger = logger
  }

  /// A session committed something, or was deleted. Returns at once.
  package func note(_ session: SessionID) {
    let isFirst = state.withLock { state in
      state.due.insert(session)
      defer { state.isScheduled = true }
      return !state.isScheduled
    }
    if isFirst { queue.asyncAfter(deadline: .now() + delay) { self.drain() } }
  }

  /// Catches up with every session: at the start, after events may have been committed that nobody noted.
  package func sweep() async {
    do {
      let known = try store.sessions()
      let all = Set(try SessionStore.sessions(in: directory)).union(known)
      for session in all {
        if Task.isCancelled { return }
        await onQueue { self.follow(session) }
      }
    } catch {
      logger.error("the figures can't be brought up to date", metadata: ["error": "\(error)"])
    }
  }

  /// Derives everything anew. Until it is done, readers see what there was.
  package func rebuild() async throws -> Metrics.Rebuilt {
    let start = ContinuousClock.now
    let (sessions, events) = try await onQueue {
      Result {
        try self.store.rebuild(from: self.directory) { session, error in
          self.logger.warning("a session's log can't be read", metadata: ["session": "\(session)", "error": "\(error)"])
        }
      }
    }.get()
    let elapsed = start.duration(to: .now)
    return Metrics.Rebuilt(
      sessions: sessions, events: events,
      milliseconds: Int(elapsed.components.seconds * 1000 + elapsed.components.attoseconds / 1_000_000_000_000_000))
  }

  private func drain() {
    let due = state.withLock { state in
      defer { state = State() }
      return state.due
    }
    for session in due { follow(session) }
  }

  private func follow(_ session: SessionID) {
    do {
      try store.follow(session, in: directory)
    } catch {
      // Nothing is lost: the cursor stands where it stood, and the next commit or start comes back to it.
      logger.warning("a session's figures lag behind", metadata: ["session": "\(session)", "error": "\(error)"])
    }
  }

  private func onQueue<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
    await withCheckedContinuation { continuation in queue.async { continuation.resume(returning: body()) } }
  }
}
