import Foundation
import Logging
import RookeryConfiguration
import RookeryModel
import RookerySessions
import RookeryTestSupport
import Testing

@testable import RookeryServer

/// Following a session's log.
@Suite struct StreamTests {
  private func chunk(_ number: Int, size: Int = 20) -> EventPayload {
    .agentMessage(TextChunk(text: "\(number) " + String(repeating: "x", count: size)))
  }

  @Test func theLogComesInPages() async throws {
    try await TestServer.run { server in
      let id = try await server.makeSession()
      for number in 0..<30 { await server.sessions.append(id, chunk(number)) }
      let page = try await server.ask("GET", "/v1/sessions/\(id)/events?after=5&limit=10").decode(API.Events.self)
      #expect(page.events.map(\.seq) == Array(6...15))
      #expect(page.generation == 1)
    }
  }

  @Test(arguments: [(nil, 0, 1), (nil, 7, 8), ("12", 7, 13), ("0", 7, 1)] as [(String?, Int, Int64)])
  func aStreamBeginsWhereTheClientWas(lastID: String?, after: Int, first: Int64) async throws {
    try await TestServer.run { server in
      let id = try await server.makeSession()
      for number in 0..<20 { await server.sessions.append(id, chunk(number)) }
      try await withClient { client in
        var reader = try await EventReader(
          server, "/v1/sessions/\(id)/events?after=\(after)", headers: lastID.map { ["Last-Event-ID": $0] } ?? [:], client: client)
        let stored = try await reader.messages { $0.id == "22" }
        #expect(stored.compactMap { $0.id.flatMap(Int64.init) } == Array(first...22))
        #expect(reader.generation == "1")
        #expect(reader.comments.first?.contains("generation 1") == true)
        for message in stored {
          #expect(server.document.problems(Data(message.data.utf8), schema: "Event") == [])
          #expect(try JSON.decode(Event.self, from: Data(message.data.utf8)).seq == Int64(message.id ?? ""))
        }
        // What comes now follows without a gap.
        await server.sessions.append(id, chunk(99))
        #expect(try await reader.next()?.id == "23")
      }
    }
  }

  @Test(.timeLimit(.minutes(1))) func aSignalHasNoPlaceInTheLog() async throws {
    try await TestServer.run { server in
      let id = try await server.makeSession()
      try await withClient { client in
        var reader = try await EventReader(server, "/v1/sessions/\(id)/events?after=1", client: client)
        #expect(try await reader.next()?.id == "2")
        try await server.sessions.signal(id, try SessionSignal("typing", ["user": "ada"]))
        await server.sessions.append(id, chunk(1))
        let next = try await reader.next()
        #expect(next?.id == "3")
        #expect(reader.signals == [#"{"payload":{"user":"ada"},"signal":"typing"}"#])
      }
    }
  }

  @Test func aBrokenLastEventIDIsRefused() async throws {
    try await TestServer.run { server in
      let id = try await server.makeSession()
      let answer = try await server.ask(
        "GET", "/v1/sessions/\(id)/events", headers: ["Accept": "text/event-stream", "Last-Event-ID": "abc"])
      #expect(try answer.failure().code == .badRequest)
    }
  }

  @Test func aQuietStreamIsKeptAlive() async throws {
    try await TestServer.run(pace: EventStreamPace(beat: .milliseconds(50))) { server in
      let id = try await server.makeSession()
      try await withClient { client in
        var reader = try await EventReader(server, "/v1/sessions/\(id)/events?after=2", client: client)
        #expect(try await reader.waitForComment("alive"))
      }
    }
  }

  @Test func aSlowReaderCostsLittleDelaysNobodyAndMissesNothing() async throws {
    try await TestServer.run(pace: EventStreamPace(stall: .seconds(600))) { server in
      let id = try await server.makeSession()
      let slow = try RawConnection(port: server.port, receiveBuffer: 4096)
      slow.send(
        "GET /v1/sessions/\(id)/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n"
          + "Authorization: Bearer \(server.tokens[.viewer] ?? "")\r\nConnection: close\r\n\r\n")
      let total = 4000
      for number in 0..<total { await server.sessions.append(id, chunk(number, size: 10_000)) }
      // Another reader gets all 40 MB meanwhile.
      try await withClient { client in
        var reader = try await EventReader(server, "/v1/sessions/\(id)/events", client: client)
        let all = try await reader.messages { $0.id == "\(total + 2)" }
        #expect(all.count == total + 2)
      }
      let healthy = total * 10_000
      let handedOut = await server.sessions.handedOut[id] ?? 0
      #expect(handedOut < healthy + healthy / 2, "the slow reader took \(handedOut - healthy) bytes that it did not read")
      var ids: [Int] = []
      var line: [UInt8] = []
      while ids.last != total + 2 {
        let bytes = await slow.read(1 << 20)
        if bytes.isEmpty { break }
        for byte in bytes {
          if byte != UInt8(ascii: "\n") {
            if line.count < 40 { line.append(byte) }
            continue
          }
          let text = String(decoding: line, as: UTF8.self)
          if text.hasPrefix("id: "), let id = Int(text.dropFirst(4)) { ids.append(id) }
          line.removeAll(keepingCapacity: true)
        }
      }
      #expect(ids == Array(1...(total + 2)))
    }
  }

  @Test func aReaderThatTakesNothingIsGivenUp() async throws {
    try await TestServer.run(pace: EventStreamPace(stall: .seconds(1))) { server in
      let id = try await server.makeSession()
      for number in 0..<2000 { await server.sessions.append(id, chunk(number, size: 10_000)) }
      let stalled = try RawConnection(port: server.port, receiveBuffer: 4096)
      stalled.send(
        "GET /v1/sessions/\(id)/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n"
          + "Authorization: Bearer \(server.tokens[.viewer] ?? "")\r\n\r\n")
      // Its cursor stops being asked, for good: nothing more is handed out however long we wait, and the connection ends.
      try await eventually("something is handed out") { await server.sessions.handedOut[id] ?? 0 > 0 }
      var last = -1
      try await eventually("the stream stalls") {
        let now = await server.sessions.handedOut[id] ?? 0
        defer { last = now }
        try await Task.sleep(for: .seconds(2))
        return now == last
      }
      let text = await stalled.readToEnd()
      #expect(!text.contains("\nid: 2002\n"))
    }
  }

  @Test func shutdownEndsStreamsAndWaitingRequestsWithinTwoSeconds() async throws {
    try await TestServer.run { server in
      let id = try await server.makeSession()
      let name = try RepositoryName("slow")
      await server.repositories.put(
        Repository(
          name: name, url: "https://x.example", defaultBranch: "main", added: Date(),
          lastBuild: BuildSummary(image: .random(prefix: "i-"), state: .running, started: Date())))
      try await withClient { client in
        var reader = try await EventReader(server, "/v1/sessions/\(id)/events?after=1", client: client)
        var page = try await EventReader(server, "/sessions/\(id)/stream?after=0", client: client)
        #expect(try await reader.next()?.id == "2")
        #expect(try await page.next() != nil)
        let idle = try RawConnection(port: server.port)
        idle.send("GET /v1/he")
        async let waiting = server.ask("GET", "/v1/repositories/slow/build/log?wait=30")
        try await eventually("the request waits") { await server.repositories.waiting > 0 }
        let start = ContinuousClock.now
        await server.stop()
        let took = start.duration(to: .now)
        // The server cuts off after two seconds; the rest is what a busy machine takes to notice.
        #expect(took < .seconds(20), "shutdown took \(took)")
        do {
          while try await reader.next() != nil {}
          while try await page.next() != nil {}
          #expect(try await waiting.status == 503)
        } catch {
          // Only what was cut off may end in the middle.
          #expect(took >= .seconds(2), "\(error)")
        }
      }
    }
  }

  @Test func aTakenPortIsATypedFailure() async throws {
    try await TestServer.run { server in
      let second = WebServer(
        ServerContext(
          registry: server.registry, sessions: server.sessions, repositories: server.repositories, agents: MemoryAgents(),
          pool: MemoryPool(server.repositories),
          configuration: Configuration(), version: "", health: { API.Health(status: "", host: true, gateway: true) }),
        addresses: .init(host: "127.0.0.1", port: server.port, socket: nil), logger: Logger(label: "second") { _ in server.log })
      await #expect {
        try await within(.seconds(60)) { try await second.run() }
      } throws: {
        ($0 as? RookeryError)?.code == .unavailable
      }
    }
  }

  @Test func manyReadersOfOneSessionSeeTheSame() async throws {
    try await TestServer.run { server in
      let id = try await server.makeSession()
      try await withThrowingTaskGroup(of: [String].self) { group in
        for _ in 0..<20 {
          group.addTask {
            try await withClient { client in
              var reader = try await EventReader(server, "/v1/sessions/\(id)/events", client: client)
              return try await reader.messages { $0.id == "202" }.compactMap(\.id)
            }
          }
        }
        for number in 0..<200 { await server.sessions.append(id, chunk(number)) }
        for try await ids in group { #expect(ids == (1...202).map(String.init)) }
      }
    }
  }
}
