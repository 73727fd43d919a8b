import AsyncHTTPClient
import Foundation
import NIOCore
import RookeryCommands
import RookeryModel
import RookeryTestSupport
import Testing

/// Live readers of a real session: each sees a contiguous piece of the log that begins at its cursor.
@Suite(.serialized, .system()) struct StreamTests {
  private static let script = "for i in $(seq 1 60); do echo \"line $i\"; sleep 0.02; done; echo new > new.txt"

  /// What the server sends on one connection, in the order it comes, until the turn's end: nothing is left out or put right here.
  private func sent(_ system: RunningSystem, _ session: SessionID, after: Int64) async throws -> [Int64] {
    try await system.api { api in
      let body = try await api.stream(.GET, "/v1/sessions/\(session)/events?after=\(after)", accept: "text/event-stream")
      var parser = EventStreamParser()
      var numbers: [Int64] = []
      for try await part in body {
        // Signals (who watches, who types) are no part of the log.
        for message in try parser.feed(Array(part.readableBytesView)) where message.name != "signal" {
          let event = try JSON.decode(Event.self, from: Data(message.data.utf8))
          numbers.append(event.seq)
          if case .turnFinished = event.payload { return numbers }
        }
      }
      return numbers
    }
  }

  @Test(.timeLimit(.minutes(5))) func everyReaderGetsEachEventOnceFromItsCursorOn() async throws {
    let system = try RunningSystem.get()
    let session = try await system.begin(Self.script)
    // Some come at the start, some in the middle, some wait for events that are not there yet.
    async let early = sent(system, session, after: 0)
    async let ahead = sent(system, session, after: 12)
    try await eventually(timeout: .seconds(60), "the command prints") { try await system.log(session).output().contains("line 5\n") }
    async let late = sent(system, session, after: 0)
    async let middle = sent(system, session, after: 4)
    let streams = try await [(Int64(0), early), (12, ahead), (0, late), (4, middle)]
    let end = try #require(try await system.finished(session).first { $0.payload.kind == "turn.finished" }).seq
    for (after, stream) in streams { #expect(stream == Array(after + 1...end)) }
    // And one that comes when all is over.
    #expect(try await sent(system, session, after: 2) == Array(3...end))
  }

  @Test(.timeLimit(.minutes(5))) func aFollowerOutlivesTheServer() async throws {
    let system = try RunningSystem.get()
    let session = try await system.begin(Self.script)
    async let followed = system.api { api in
      var events: [Event] = []
      try await EventFollower(api: api, session: session).follow(after: 0) { received in
        events.append(received.event)
        if case .turnFinished = received.event.payload { return .done }
        return .more
      }
      return events
    }
    try await eventually(timeout: .seconds(60), "the command prints") { try await system.log(session).output().contains("line 5\n") }
    try system.kill("serve")
    let events = try await followed
    #expect(events == Array(try await system.finished(session).prefix(events.count)))
    #expect(events.output() == (1...60).map { "line \($0)\n" }.joined())
  }
}
