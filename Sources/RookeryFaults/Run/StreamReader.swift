import AsyncHTTPClient
import Foundation
import NIOCore
import RookeryCommands
import RookeryModel

/// A client that reads a session's stream, and connects again from its cursor whenever the connection ends.
struct StreamReader: Sendable {
  let system: FaultSystem
  let recorder: HistoryRecorder
  let name: String
  let session: SessionID
  let after: Int64

  /// Reads until the task is cancelled.
  func run() async {
    var cursor = after
    while !Task.isCancelled {
      try? await connection(&cursor)
      // The server may be away.
      try? await Task.sleep(for: .milliseconds(20))
    }
  }

  /// One connection, to its end or until it gave `limit` events.
  func connection(_ cursor: inout Int64, limit: Int = .max) async throws {
    let body = try await system.api.stream(.GET, "/v1/sessions/\(session)/events?after=\(cursor)", accept: "text/event-stream")
    let stream = await recorder.connected(name, session, after: cursor)
    var parser = EventStreamParser()
    var count = 0
    for try await part in body {
      for message in try parser.feed(part.readableBytesView) {
        let event = try JSON.decode(Event.self, from: Data(message.data.utf8))
        await recorder.received(event, on: stream)
        cursor = event.seq
        count += 1
        if count >= limit { return }
      }
    }
  }

  /// Many clients at once, each for a few events, over and over.
  static func storm(_ system: FaultSystem, _ recorder: HistoryRecorder, _ session: SessionID, clients: Int, rounds: Int) async {
    await withTaskGroup(of: Void.self) { group in
      for client in 0..<clients {
        group.addTask {
          let reader = StreamReader(
            system: system, recorder: recorder, name: "storm \(client)", session: session, after: Int64(client % 7))
          for _ in 0..<rounds {
            var cursor = reader.after
            try? await reader.connection(&cursor, limit: 3)
          }
        }
      }
    }
  }
}
