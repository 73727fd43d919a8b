import NIOCore
import RookeryModel
import RookerySessions
import RookeryWebSocket
import Synchronization

/// The sockets that follow one session on one event loop: news cross to the loop once, are encoded once, and what comes while the
/// loop is busy goes to each socket in one write.
final class SocketGroup: FeedFollower {
  private struct Members {
    var live: [ObjectIdentifier: EventSocket] = [:]
    var all: [ObjectIdentifier: EventSocket] = [:]
    /// Everything up to this event went to the live ones.
    var delivered: Int64
    var hasEnded = false
  }

  let feed: SessionFeed
  let loop: any EventLoop
  private let pending = Mutex<[FeedNews]>([])
  private let members: NIOLoopBoundBox<Members>

  /// Follows `feed` from now on; throws `unavailable` when nothing comes from it any more.
  init(_ feed: SessionFeed, on loop: any EventLoop) throws {
    self.feed = feed
    self.loop = loop
    members = .makeBoxSendingValue(Members(delivered: .max), eventLoop: loop)
    guard let seq = feed.add(self) else {
      throw RookeryError(.unavailable, "The server is shutting down.", mend: "Try again in a moment.")
    }
    loop.execute { self.begin(after: seq) }
  }

  /// What was heard meanwhile may have come first.
  private func begin(after seq: Int64) {
    if members.value.delivered == .max { members.value.delivered = seq }
  }

  func hear(_ news: FeedNews) {
    let isFirst = pending.withLock { pending in
      defer { pending.append(news) }
      return pending.isEmpty
    }
    if isFirst { loop.execute { self.deliver() } }
  }

  private func deliver() {
    let news = pending.withLock { pending in
      defer { pending = [] }
      return pending
    }
    let batch = SocketBatch(news)
    for socket in members.value.live.values { socket.send(batch) }
    if let last = batch.last { members.value.delivered = last }
  }

  func feedEnded() { close(.goingAway) }

  /// Says goodbye to every socket.
  func close(_ code: WebSocketCloseCode) {
    loop.execute {
      // What was heard before goes out before the goodbye.
      self.deliver()
      self.members.value.hasEnded = true
      for socket in self.members.value.all.values { socket.close(code) }
    }
  }

  // MARK: On the loop

  /// The socket belongs to the group; it is not told of news yet.
  func add(_ socket: EventSocket) {
    members.value.all[ObjectIdentifier(socket)] = socket
    if members.value.hasEnded { socket.close(.goingAway) }
  }

  func remove(_ socket: EventSocket) {
    members.value.live[ObjectIdentifier(socket)] = nil
    members.value.all[ObjectIdentifier(socket)] = nil
  }

  /// From now on the socket is told of news. False when it lacks something that was told already.
  func goLive(_ socket: EventSocket) -> Bool {
    guard socket.cursor >= members.value.delivered else { return false }
    members.value.live[ObjectIdentifier(socket)] = socket
    return true
  }

  /// The socket fell behind: it is told nothing until it has caught up.
  func retire(_ socket: EventSocket) { members.value.live[ObjectIdentifier(socket)] = nil }
}
