import Foundation
import Logging
import RookeryModel
import RookeryStore
import Synchronization

/// Brings the search index up to date behind the sessions' backs, from their files: whatever it misses at a crash it finds again.
final class SearchIndexer: Sendable {
  private struct State {
    var due: Set<SessionID> = []
    var isRunning = false
  }

  /// How far behind the log the index may be: what comes in quick succession is indexed together.
  private static let delay = DispatchTimeInterval.milliseconds(300)

  let index: SearchIndex
  private let directory: String
  private let logger: Logger
  private let state = Mutex(State())
  private let queue = DispatchQueue(label: "search-index")

  init(index: SearchIndex, directory: String, logger: Logger) {
    self.index = index
    self.directory = directory
    self.logger = logger
  }

  /// Something was added to the session's log.
  func note(_ session: SessionID) {
    let start = state.withLock { state in
      state.due.insert(session)
      defer { state.isRunning = true }
      return !state.isRunning
    }
    if start { queue.asyncAfter(deadline: .now() + Self.delay) { self.drain() } }
  }

  private func drain() {
    while let session = next() { bringUp(session) }
  }

  private func next() -> SessionID? {
    state.withLock { state in
      if let session = state.due.popFirst() { return session }
      state.isRunning = false
      return nil
    }
  }

  private func bringUp(_ session: SessionID) {
    do {
      try follow(session)
    } catch let error as RookeryError where error.code == .notFound {
      // Deleted meanwhile.
    } catch {
      // The next change of the session, or the next start, takes it up again.
      logger.warning("could not index a session for search", metadata: ["session": "\(session)", "error": "\(error)"])
    }
  }

  private func follow(_ session: SessionID) throws {
    let store = try SessionStore(reading: directory, session: session)
    var place = try index.place(of: session)
    var text = SearchText(after: place)
    while true {
      let events = try store.read { try $0.events(after: place, limit: 1000, bytes: 1 << 20) }
      guard let last = events.last else { return }
      var documents: [SearchDocument] = []
      for event in events { documents += text.consume(try JSON.decode(Event.self, from: event.json)) }
      place = last.seq
      if !documents.isEmpty || text.place == last.seq { try index.add(documents, of: session, through: text.place) }
    }
  }

  /// Indexes the session anew, from the beginning, and waits for it.
  func rebuild(_ session: SessionID) async throws {
    try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
      queue.async {
        done.resume(
          with: Result {
            try self.index.forget(session)
            try self.follow(session)
          })
      }
    }
  }

  func forget(_ session: SessionID) {
    queue.async {
      do { try self.index.forget(session) } catch {
        self.logger.warning("a deleted session can still be found", metadata: ["session": "\(session)", "error": "\(error)"])
      }
    }
  }
}
