import Foundation
import RookeryModel
import RookerySessions
import RookeryTestSupport
import Testing

@testable import RookeryServer

/// Following a session's log over a WebSocket.
@Suite(.timeLimit(.minutes(3))) struct EventSocketTests {
  private func chunk(_ number: Int, size: Int = 20) -> EventPayload {
    .agentMessage(TextChunk(text: "\(number) " + String(repeating: "x", count: size)))
  }

  /// The seqs of the next events, through `last`; signals and pings are passed over.
  private static func seqs(_ frames: inout WebSocketFrames, through last: Int64) throws -> [Int64] {
    var seqs: [Int64] = []
    while seqs.last != last {
      let frame = try frames.next()
      guard frame.opcode == 1, !frame.text.contains(#""signal":"#) else { continue }
      seqs.append(try JSON.decode(Event.self, from: Data(frame.payload)).seq)
    }
    return seqs
  }

  private func open(_ server: TestServer, _ id: SessionID, after: Int64 = 0, buffer: Int32? = nil) async throws -> (
    WebSocketProbe, WebSocketFrames
  ) {
    try await onThread { [port = server.port, token = server.tokens[.viewer] ?? ""] in
      let probe = try WebSocketProbe(port: port, receiveBuffer: buffer)
      let head = try probe.upgrade("/v1/sessions/\(id)/events?after=\(after)", headers: ["Authorization: Bearer \(token)"])
      #expect(head.status == 101)
      #expect(head.header("Rookery-Generation") == "1")
      var frames = WebSocketFrames(probe, rest: head.rest)
      let frame = try frames.next().text.contains(#""signal":"hello""#)
      #expect(frame)
      return (probe, frames)
    }
  }

  @Test func storedEventsComeFirstAndLiveOnesFollow() async throws {
    try await TestServer.run { server in
      let id = try await server.makeSession()
      for number in 0..<2000 { await server.sessions.append(id, chunk(number, size: 200)) }
      var (probe, frames) = try await open(server, id, after: 7)
      async let live: Void = {
        for number in 0..<1000 { await server.sessions.append(id, chunk(number, size: 200)) }
      }()
      let (seen, rest) = try await onThread { [frames] in
        var frames = frames
        return (try Self.seqs(&frames, through: 3002), frames)
      }
      frames = rest
      await live
      #expect(seen == Array(8...3002))
      try await server.sessions.signal(id, try SessionSignal("typing", ["user": "ada"]))
      let signal = try await onThread { [frames] in
        var frames = frames
        return try frames.next().text
      }
      #expect(signal == #"{"payload":{"user":"ada"},"signal":"typing"}"#)
      _ = probe
    }
  }

  @Test func onlyThoseWhoMayFollow() async throws {
    try await TestServer.run { server in
      let id = try await server.makeSession()
      let cookie = try await server.signIn(.viewer)
      try await onThread { [port = server.port] in
        let path = "/v1/sessions/\(id)/events"
        let answer1 = try WebSocketProbe(port: port).upgrade(path).status
        #expect(answer1 == 401)
        let answer2 = try WebSocketProbe(port: port).upgrade(path, headers: ["Authorization: Bearer wrong"]).status
        #expect(answer2 == 401)
        let sent = "Cookie: rookery-8080=\(cookie)"
        let answer3 = try WebSocketProbe(port: port).upgrade(path, headers: [sent]).status
        #expect(answer3 == 403)
        let answer4 = try WebSocketProbe(port: port).upgrade(path, headers: [sent, "Origin: https://evil.example"]).status
        #expect(answer4 == 403)
        let answer5 = try WebSocketProbe(port: port).upgrade(path, headers: [sent, "Origin: http://localhost"]).status
        #expect(answer5 == 101)
      }
    }
  }

  @Test func handshakesAreAnsweredInKind() async throws {
    try await TestServer.run { server in
      let id = try await server.makeSession()
      try await onThread { [port = server.port, token = server.tokens[.viewer] ?? ""] in
        let proof = "Authorization: Bearer \(token)"
        let path = "/v1/sessions/\(id)/events"
        let agreed = try WebSocketProbe(port: port).upgrade(path, headers: [proof, "Sec-WebSocket-Protocol: other, rookery.v1"])
        #expect(agreed.header("Sec-WebSocket-Protocol") == "rookery.v1")
        let none = try WebSocketProbe(port: port).upgrade(path, headers: [proof, "Sec-WebSocket-Protocol: other"])
        #expect(none.status == 101)
        #expect(none.header("Sec-WebSocket-Protocol") == nil)
        let old = try WebSocketProbe(port: port).upgrade(path, headers: [proof], version: "8")
        #expect(old.status == 426)
        #expect(old.header("Sec-WebSocket-Version") == "13")
        let answer6 = try WebSocketProbe(port: port).upgrade(path, headers: [proof], key: "short").status
        #expect(answer6 == 400)
        let answer7 = try WebSocketProbe(port: port).upgrade("/v1/sessions/nobody/events", headers: [proof]).status
        #expect(answer7 == 404)
      }
    }
  }

  @Test func messagesAreNoCommands() async throws {
    try await TestServer.run { server in
      let id = try await server.makeSession()
      let (probe, opened) = try await open(server, id)
      let code = try await onThread {
        var frames = opened
        probe.send(WebSocketProbe.frame(1, "{}".utf8))
        return try frames.closeCode()
      }
      #expect(code == 1008)
    }
  }

  @Test func aSlowClientIsRefilledDelaysNobodyAndMissesNothing() async throws {
    try await TestServer.run { server in
      let id = try await server.makeSession()
      let (slow, slowFrames) = try await open(server, id, buffer: 4096)
      let (quick, quickFrames) = try await open(server, id)
      let total = 3000
      async let seen = onThread {
        var frames = quickFrames
        return try Self.seqs(&frames, through: Int64(total + 2))
      }
      for number in 0..<total { await server.sessions.append(id, chunk(number, size: 5_000)) }
      #expect(try await seen == Array(1...Int64(total + 2)))
      // It was told that it is behind, and gets all 15 MB from its cursor.
      let (late, wasTold) = try await onThread {
        var frames = slowFrames
        var (seqs, wasTold): ([Int64], Bool) = ([], false)
        while seqs.last != Int64(total + 2) {
          let frame = try frames.next()
          guard frame.opcode == 1 else { continue }
          if frame.text.hasSuffix(#""signal":"lagged"}"#) {
            wasTold = true
          } else if !frame.text.contains(#""signal":"#) {
            seqs.append(try JSON.decode(Event.self, from: Data(frame.payload)).seq)
          }
        }
        return (seqs, wasTold)
      }
      #expect(late == Array(1...Int64(total + 2)))
      #expect(wasTold)
      _ = (slow, quick)
    }
  }

  @Test func aClientThatTakesNothingIsGivenUp() async throws {
    try await TestServer.run(pace: EventStreamPace(beat: .milliseconds(200), stall: .seconds(1))) { server in
      let id = try await server.makeSession()
      for number in 0..<1000 { await server.sessions.append(id, chunk(number, size: 5_000)) }
      let (probe, opened) = try await open(server, id, buffer: 4096)
      // Until the server is done with us nothing is read.
      try await eventually("the server gives the client up") { server.log.text.contains("a socket ended") }
      let isCutOff = try await onThread {
        var frames = opened
        do {
          while try frames.next().opcode != 8 {}
          return false
        } catch {
          return error as? WebSocketProbe.Failure == .closed
        }
      }
      #expect(isCutOff)
      _ = probe
    }
  }

  @Test func quietClientsArePingedAndStay() async throws {
    try await TestServer.run(pace: EventStreamPace(beat: .milliseconds(50), stall: .seconds(60))) { server in
      let id = try await server.makeSession()
      let (probe, opened) = try await open(server, id, after: 2)
      let pinged = try await onThread {
        var frames = opened
        for _ in 0..<3 {
          guard try frames.next().opcode == 9 else { return false }
          probe.send(WebSocketProbe.frame(10))
        }
        return true
      }
      #expect(pinged)
    }
  }

  @Test func shutdownSaysGoingAway() async throws {
    try await TestServer.run { server in
      let id = try await server.makeSession()
      let (probe, opened) = try await open(server, id)
      async let stopped: Void = server.stop()
      let code = try await onThread {
        var frames = opened
        let code = try frames.closeCode()
        probe.send(WebSocketProbe.frame(8, [3, 233]))
        return code
      }
      #expect(code == 1001)
      await stopped
    }
  }
}
