import Foundation
import RookeryModel

/// The newest committed events in memory, for live readers; everything older is read from the file.
struct EventTail: Sendable {
  private(set) var events: ArraySlice<EncodedEvent> = []
  private var bytes = 0
  private let limit: Int

  /// Keeps at most about `limit` bytes.
  init(limit: Int = 512 << 10) { self.limit = limit }

  mutating func append(_ event: EncodedEvent) {
    events.append(event)
    bytes += event.json.count
    guard bytes > limit else { return }
    // Dropping half at a time keeps appends cheap.
    var kept = events
    while bytes > limit / 2, kept.count > 1 { bytes -= kept.removeFirst().json.count }
    events = ArraySlice(Array(kept))
  }

  /// The events after `seq`, or nil where some of them are not in memory any more.
  func events(after seq: Int64) -> ArraySlice<EncodedEvent>? {
    guard let first = events.first else { return nil }
    guard seq + 1 >= first.seq else { return nil }
    return events.dropFirst(Int(min(seq + 1 - first.seq, Int64(events.count))))
  }
}

/// A reader's place in a session's log.
struct LiveCursor: EventCursor {
  let feed: SessionFeed
  /// Reads a page of the session's file.
  let stored: @Sendable (_ after: Int64) async throws -> [EncodedEvent]
  var after: Int64
  var heard: UInt64

  mutating func next() async throws -> FeedNews {
    switch try await feed.next(after: after, heard: heard) {
    case .news(let news, let heard):
      self.heard = heard
      after = news.events.last?.seq ?? after
      return news
    case .stored:
      let events = try await stored(after)
      after = events.last?.seq ?? after
      return FeedNews(events: events)
    }
  }
}
