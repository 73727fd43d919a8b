import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import RookeryModel
import RookeryWebSocket

/// Slack's side of Socket Mode.
actor SlackSockets {
  private struct Line {
    var number: Int
    var send: AsyncStream<String>.Continuation
    var isRetiring = false
  }
  private struct Waiting {
    var id: String
    var kind: String
    var payload: JSONValue
    var attempt = 0
    var due: ContinuousClock.Instant
  }

  private var lines: [Line] = []
  private var queue: [Waiting] = []
  private var next = 0
  private var clock: Task<Void, Never>?
  private(set) var most = 0
  private(set) var opened = 0
  private(set) var violations: [String] = []
  /// Until an envelope comes again.
  private let patience = Duration.seconds(3)

  var count: Int { lines.count }
  var waiting: Int { queue.count }

  deinit { clock?.cancel() }

  func deliver(kind: String, payload: JSONValue) {
    queue.append(Waiting(id: UUID().uuidString.lowercased(), kind: kind, payload: payload, due: .now))
    pump()
    if clock == nil {
      clock = Task { [weak self] in
        while !Task.isCancelled {
          try? await Task.sleep(for: .milliseconds(50))
          await self?.pump()
        }
      }
    }
  }

  private func pump() {
    let now = ContinuousClock.now
    for index in queue.indices where queue[index].due <= now {
      guard let line = lines.filter({ !$0.isRetiring }).randomElement() ?? lines.last else { return }
      let entry = queue[index]
      var envelope: [String: JSONValue] = [
        "envelope_id": .string(entry.id), "type": .string(entry.kind), "payload": entry.payload, "accepts_response_payload": false,
      ]
      if entry.kind == "events_api" {
        envelope["retry_attempt"] = .integer(Int64(entry.attempt))
        envelope["retry_reason"] = entry.attempt == 0 ? "" : "timeout"
      }
      if let data = try? JSON.encode(JSONValue.object(envelope)) { line.send.yield(String(decoding: data, as: UTF8.self)) }
      queue[index].attempt += 1
      queue[index].due = now + patience
    }
  }

  func refresh(_ reason: String) {
    for index in lines.indices { lines[index].isRetiring = true }
    for line in lines {
      line.send.yield(#"{"type":"disconnect","reason":"\#(reason)","debug_info":{"host":"double"}}"#)
      Task {
        // Slack gives about ten seconds; a busy machine a little more.
        try? await Task.sleep(for: .seconds(15))
        line.send.finish()
      }
    }
  }

  func drop() { for line in lines { line.send.finish() } }

  private func opened(_ send: AsyncStream<String>.Continuation) -> Int {
    next += 1
    opened += 1
    lines.append(Line(number: next, send: send))
    most = max(most, lines.count)
    if lines.count > 10 { violations.append("more than ten sockets") }
    send.yield(
      #"{"type":"hello","num_connections":\#(lines.count),"connection_info":{"app_id":"A0TEST"},"debug_info":{"approximate_connection_time":18060}}"#
    )
    pump()
    return next
  }

  private func closed(_ number: Int) { lines.removeAll { $0.number == number } }

  private func received(_ text: String) {
    guard let value = try? JSON.decode(JSONValue.self, from: Data(text.utf8)), let id = value["envelope_id"]?.string else {
      violations.append("a message without envelope_id: \(text.prefix(200))")
      return
    }
    queue.removeAll { $0.id == id }
  }

  /// The answer to a request that opens a socket.
  nonisolated func response(_ request: Request) throws -> Response {
    let handshake = try WebSocketHandshake(request.head)
    return Response(
      status: .switchingProtocols, headers: handshake.answer,
      body: ResponseBody { writer in
        var writer = writer
        let (texts, send) = AsyncStream<String>.makeStream()
        let number = await self.opened(send)
        let reading = Task {
          for try await part in request.body {
            var part = part
            if part.readInteger(as: UInt8.self) == 1 { await self.received(String(buffer: part)) }
          }
          send.finish()
        }
        do {
          for await text in texts {
            var part = ByteBuffer(integer: UInt8(1))
            part.writeString(text)
            try await writer.write(part)
          }
          await self.closed(number)
          try await writer.finish(nil)
        } catch {
          await self.closed(number)
          reading.cancel()
          throw error
        }
        _ = await reading.result
      })
  }
}
