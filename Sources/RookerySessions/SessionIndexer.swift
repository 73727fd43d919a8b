import Foundation
import Logging
import RookeryModel
import RookeryStore
import Synchronization

/// Brings the registry's index of sessions up to date behind the sessions' back: it follows, it is never waited for.
final class SessionIndexer: Sendable {
  private struct State {
    var latest: [SessionID: SessionSummary] = [:]
    var due: Set<SessionID> = []
    var running = false
  }

  private let registry: Registry
  private let logger: Logger
  private let state = Mutex(State())
  private let queue = DispatchQueue(label: "session-index")

  init(registry: Registry, logger: Logger) {
    self.registry = registry
    self.logger = logger
  }

  /// Notes a session's newest summary; it is written when something in it changed that lists show.
  func update(_ summary: SessionSummary) {
    let start = state.withLock { state in
      let changed = Self.shown(summary) != state.latest[summary.id].map(Self.shown)
      state.latest[summary.id] = summary
      guard changed else { return false }
      state.due.insert(summary.id)
      defer { state.running = true }
      return !state.running
    }
    if start { queue.async { self.drain() } }
  }

  private func drain() {
    while let summary = next() {
      do {
        try registry.index(summary)
      } catch {
        // The index can be rebuilt from the sessions' files at any time, so a failure only makes lists lag.
        logger.warning("could not index a session", metadata: ["session": "\(summary.id)", "error": "\(error)"])
      }
    }
  }

  private func next() -> SessionSummary? {
    state.withLock { state in
      guard let id = state.due.popFirst(), let summary = state.latest[id] else {
        state.running = false
        return nil
      }
      return summary
    }
  }

  private static func shown(_ summary: SessionSummary) -> SessionSummary {
    var summary = summary
    summary.updated = .distantPast
    summary.seq = 0
    return summary
  }
}
