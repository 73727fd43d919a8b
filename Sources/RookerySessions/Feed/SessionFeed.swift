import Foundation
import RookeryModel
import Synchronization

/// What those who follow a session hear: its events once they are on disk, and signals.
///
/// It is apart from the session's actor and outlives it, so that following an idle session holds neither an actor nor an open file.
/// Readers pull from it (`LiveCursor`), followers are told (`FeedFollower`).
package final class SessionFeed: Sendable {
  private struct State {
    var seq: Int64
    var tail = EventTail()
    var signals: [SessionSignal] = []
    /// Signals given so far; `signals` has the newest of them.
    var signalled: UInt64 = 0
    var readers: [UInt64: CheckedContinuation<Void, any Error>] = [:]
    var nextReader: UInt64 = 0
    var followers: [ObjectIdentifier: any FeedFollower] = [:]
    var isClosed = false
  }

  /// How many signals a reader may be behind before it misses some.
  private static let keptSignals = 64

  package let session: SessionID
  /// Changes when the session was restored from an older point.
  package let generation: Int
  private let state: Mutex<State>

  package init(_ session: SessionID, generation: Int, seq: Int64) {
    self.session = session
    self.generation = generation
    state = Mutex(State(seq: seq))
  }

  /// The newest committed event's.
  package var seq: Int64 { state.withLock { $0.seq } }

  // MARK: Giving

  /// Tells of events that are on disk. Called in order, by the one writer of the session.
  package func publish(_ events: [EncodedEvent]) {
    guard let last = events.last else { return }
    tell(FeedNews(events: events)) { state in
      state.seq = last.seq
      for event in events { state.tail.append(event) }
    }
  }

  package func signal(_ signal: SessionSignal) {
    tell(FeedNews(signals: [signal])) { state in
      state.signalled += 1
      state.signals.append(signal)
      if state.signals.count > Self.keptSignals { state.signals.removeFirst() }
    }
  }

  private func tell(_ news: FeedNews, _ change: (inout State) -> Void) {
    let readers = state.withLock { state in
      change(&state)
      // Inside the lock: followers hear things in the order in which they happened, and only put them in a queue.
      for follower in state.followers.values { follower.hear(news) }
      defer { state.readers = [:] }
      return state.readers
    }
    for reader in readers.values { reader.resume() }
  }

  /// Forgets events that the file has, since nobody writes any more for a while.
  package func rest() {
    state.withLock { $0.tail = EventTail() }
  }

  /// Sends everyone away: the server shuts down, or the session is gone.
  package func close() {
    let (readers, followers) = state.withLock { state in
      state.isClosed = true
      defer {
        state.readers = [:]
        state.followers = [:]
      }
      return (state.readers.values, state.followers.values)
    }
    for reader in readers { reader.resume() }
    for follower in followers { follower.feedEnded() }
  }

  // MARK: Following

  /// From now on `follower` hears everything. Returns the seq after which it does; nil when the feed is closed.
  package func add(_ follower: any FeedFollower) -> Int64? {
    state.withLock { state in
      guard !state.isClosed else { return nil }
      state.followers[ObjectIdentifier(follower)] = follower
      return state.seq
    }
  }

  package func remove(_ follower: any FeedFollower) {
    state.withLock { $0.followers[ObjectIdentifier(follower)] = nil }
  }

  /// Whether anyone listens now.
  package var isFollowed: Bool { state.withLock { !$0.readers.isEmpty || !$0.followers.isEmpty } }

  // MARK: Reading

  /// How many signals were given up to now: where a new reader begins.
  var signalled: UInt64 { state.withLock { $0.signalled } }

  /// What a reader finds.
  enum Found {
    case news(FeedNews, heard: UInt64)
    /// The file has the next events, memory does not.
    case stored
  }

  /// What comes after event `after` and signal `heard`; waits until there is something.
  func next(after: Int64, heard: UInt64) async throws -> Found {
    while true {
      let found: Found? = try state.withLock { state in
        var news = FeedNews(signals: state.signals.suffix(Int(clamping: state.signalled - min(heard, state.signalled))))
        if after < state.seq {
          guard let recent = state.tail.events(after: after) else { return .stored }
          news.events = Self.page(recent)
        }
        if !news.events.isEmpty || !news.signals.isEmpty { return .news(news, heard: state.signalled) }
        guard !state.isClosed else {
          throw RookeryError(.unavailable, "The server is shutting down.", mend: "Connect again and resume after \(after).")
        }
        return nil
      }
      if let found { return found }
      try await change(from: after, heard: heard)
    }
  }

  /// At most a few hundred KB at once.
  private static func page(_ events: ArraySlice<EncodedEvent>) -> [EncodedEvent] {
    var size = 0
    let end = events.firstIndex { event in
      size += event.json.count
      return size > 256 << 10
    }
    return Array(events[..<max(events.startIndex + 1, end ?? events.endIndex)])
  }

  private func change(from after: Int64, heard: UInt64) async throws {
    let reader = state.withLock { state in
      state.nextReader += 1
      return state.nextReader
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
        let isOver = state.withLock { state in
          if Task.isCancelled || state.seq > after || state.signalled > heard || state.isClosed { return true }
          state.readers[reader] = continuation
          return false
        }
        if isOver { continuation.resume() }
      }
      try Task.checkCancellation()
    } onCancel: {
      state.withLock { $0.readers.removeValue(forKey: reader) }?.resume(throwing: CancellationError())
    }
  }
}

/// What happened in a session, in the order in which it did.
package struct FeedNews: Sendable {
  package var events: [EncodedEvent]
  package var signals: [SessionSignal]

  package init(events: [EncodedEvent] = [], signals: [SessionSignal] = []) {
    self.events = events
    self.signals = signals
  }
}

/// Someone who is told of news rather than asking for them.
package protocol FeedFollower: AnyObject, Sendable {
  /// Called in order and with a lock held: it only puts the news in a queue.
  func hear(_ news: FeedNews)
  /// The server shuts down, or the session is gone: nothing comes any more.
  func feedEnded()
}
