import NIOCore
import RookerySessions
import RookeryWebSocket

/// News as the bytes of WebSocket frames: encoded once, and written to every socket of a session from the same memory.
struct SocketBatch {
  private(set) var bytes = ByteBuffer()
  /// Where each event's frame ends.
  private var ends: [(seq: Int64, offset: Int)] = []

  init(_ news: [FeedNews]) {
    bytes.reserveCapacity(news.flatMap { $0.events.map(\.json.count) + $0.signals.map(\.json.count) }.reduce(0) { $0 + $1 + 10 })
    for news in news {
      for event in news.events {
        WebSocketFraming.appendText(event.json, to: &bytes)
        ends.append((event.seq, bytes.writerIndex))
      }
      for signal in news.signals { WebSocketFraming.appendText(signal.json, to: &bytes) }
    }
  }

  /// The newest event's; nil when there are only signals.
  var last: Int64? { ends.last?.seq }

  /// What of it one gets who has everything up to `cursor`.
  func bytes(after cursor: Int64) -> ByteBuffer {
    guard let first = ends.first, first.seq <= cursor else { return bytes }
    var rest = bytes
    let known = ends.last { $0.seq <= cursor }?.offset ?? 0
    rest.moveReaderIndex(to: known)
    return rest
  }
}
