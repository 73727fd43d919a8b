import Foundation
import RookeryModel
import Synchronization
import Testing

@testable import RookerySessions

/// Following a session: what is on disk in order, signals beside it.
@Suite struct SessionFeedTests {
  private func event(_ seq: Int64) -> EncodedEvent { EncodedEvent(seq: seq, kind: "notice", json: Data("{\"seq\":\(seq)}".utf8)) }

  private func cursor(_ feed: SessionFeed, after: Int64, stored: [EncodedEvent] = []) -> LiveCursor {
    LiveCursor(
      feed: feed, stored: { after in Array(stored.filter { $0.seq > after }.prefix(3)) }, after: after, heard: feed.signalled)
  }

  @Test func storedHistoryJoinsWhatIsLive() async throws {
    let stored = (1...7).map { event(Int64($0)) }
    let feed = SessionFeed(.random(prefix: "s"), generation: 1, seq: 7)
    var cursor = cursor(feed, after: 0, stored: stored)
    var seen: [Int64] = []
    while seen.last != 7 { seen += try await cursor.next().events.map(\.seq) }
    feed.publish([event(8), event(9)])
    seen += try await cursor.next().events.map(\.seq)
    #expect(seen == Array(1...9))
  }

  @Test(.timeLimit(.minutes(1))) func aWaitingReaderIsWoken() async throws {
    let feed = SessionFeed(.random(prefix: "s"), generation: 1, seq: 0)
    let cursor = cursor(feed, after: 0)
    async let news = {
      var cursor = cursor
      return try await cursor.next()
    }()
    while !feed.isFollowed { await Task.yield() }
    feed.publish([event(1)])
    #expect(try await news.events.map(\.seq) == [1])
  }

  @Test func signalsReachWhoListensAndNobodyElse() async throws {
    let feed = SessionFeed(.random(prefix: "s"), generation: 1, seq: 0)
    feed.signal(try SessionSignal("typing", ["user": "too early"]))
    var cursor = cursor(feed, after: 0)
    feed.signal(try SessionSignal("typing", ["user": "u1"]))
    feed.publish([event(1)])
    let news = try await cursor.next()
    #expect(news.events.map(\.seq) == [1])
    #expect(news.signals.map { String(decoding: $0.json, as: UTF8.self) } == [#"{"payload":{"user":"u1"},"signal":"typing"}"#])
    feed.publish([event(2)])
    #expect(try await cursor.next().signals.isEmpty)
  }

  @Test func oneWhoIsFarBehindMissesSignalsAndNoEvent() async throws {
    let feed = SessionFeed(.random(prefix: "s"), generation: 1, seq: 0)
    var cursor = cursor(feed, after: 0)
    for number in 1...200 {
      feed.publish([event(Int64(number))])
      feed.signal(try SessionSignal("typing", ["number": number]))
    }
    let news = try await cursor.next()
    #expect(news.events.map(\.seq) == Array(1...200))
    #expect(news.signals.count == 64)
  }

  @Test func aSignalIsSmall() throws {
    #expect { try SessionSignal("typing", String(repeating: "x", count: 20_000)) } throws: { ($0 as? RookeryError)?.code == .tooLarge }
  }

  @Test(.timeLimit(.minutes(1))) func closingSendsReadersAndFollowersAway() async throws {
    let feed = SessionFeed(.random(prefix: "s"), generation: 1, seq: 0)
    let follower = Follower()
    #expect(feed.add(follower) == 0)
    feed.publish([event(1)])
    feed.close()
    #expect(follower.heard.map(\.seq) == [1])
    #expect(follower.isOver)
    var cursor = cursor(feed, after: 1)
    await #expect { try await cursor.next() } throws: { ($0 as? RookeryError)?.code == .unavailable }
    #expect(feed.add(follower) == nil)
  }

  @Test(.timeLimit(.minutes(1))) func aCancelledReaderLetsGo() async throws {
    let feed = SessionFeed(.random(prefix: "s"), generation: 1, seq: 0)
    let cursor = cursor(feed, after: 0)
    let task = Task {
      var cursor = cursor
      return try await cursor.next()
    }
    while !feed.isFollowed { await Task.yield() }
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
    #expect(!feed.isFollowed)
  }
}

/// Keeps what it heard.
private final class Follower: FeedFollower {
  private let state = Mutex<([EncodedEvent], Bool)>(([], false))
  var heard: [EncodedEvent] { state.withLock { $0.0 } }
  var isOver: Bool { state.withLock { $0.1 } }
  func hear(_ news: FeedNews) { state.withLock { $0.0 += news.events } }
  func feedEnded() { state.withLock { $0.1 = true } }
}
