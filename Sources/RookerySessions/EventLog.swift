import Foundation
import RookeryModel

/// The newest committed events in memory, for live readers; everything older is read from the file.
struct EventTail: Sendable {
  private(set) var events: [EncodedEvent] = []
  private var bytes = 0
  private let limit: Int

  /// Keeps at most about `limit` bytes.
  init(limit: Int = 512 << 10) { self.limit = limit }

  mutating func append(_ event: EncodedEvent) {
    events.append(event)
    bytes += event.json.count
    guard bytes > limit else { return }
    // Dropping half at a time keeps appends cheap.
    while bytes > limit / 2, events.count > 1 { bytes -= events.removeFirst().json.count }
  }

  /// The events after `seq`, or nil where some of them are not in memory any more.
  func events(after seq: Int64) -> [EncodedEvent]? {
    guard let first = events.first else { return nil }
    guard seq + 1 >= first.seq else { return nil }
    return Array(events[min(Int(seq + 1 - first.seq), events.count)...])
  }
}

/// A reader's place in a session's log.
struct LiveCursor: EventCursor {
  let session: LiveSession
  var after: Int64

  mutating func next() async throws -> [EncodedEvent] {
    let events = try await session.events(following: after)
    if let last = events.last { after = last.seq }
    return events
  }
}
