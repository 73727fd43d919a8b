import Foundation
import Hummingbird
import Logging
import NIOCore
import RookeryModel
import Synchronization
import Testing

@testable import RookeryCommands

/// The client against a server that does what servers do on bad days.
@Suite struct EventFollowerTests {
  private static func event(_ seq: Int64) -> String {
    let payload = #"{"level":"info","text":"n\#(seq)"}"#
    return #"id: \#(seq)\#ndata: {"kind":"notice","payload":\#(payload),"seq":\#(seq),"time":"2026-11-22T10:00:00.000Z"}\#n\#n"#
      .replacingOccurrences(of: #"\#n"#, with: "\n")
  }

  /// Runs `body` with a client of a server with these routes.
  private func with(_ router: Router<BasicRequestContext>, _ body: @escaping @Sendable (APIClient) async throws -> Void) async throws {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    let (ports, report) = AsyncStream<Int>.makeStream()
    let application = Application(
      router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
      onServerRunning: { report.yield($0.localAddress?.port ?? 0) }, logger: logger)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await application.run() }
      var arrived = ports.makeAsyncIterator()
      let port = try #require(await arrived.next())
      try await APIClient.with(ServerAddress(server: "http://127.0.0.1:\(port)", data: "", token: "rky_t"), body)
      group.cancelAll()
      try? await group.waitForAll()
    }
  }

  @Test(.timeLimit(.minutes(2))) func goesOnWhereAConnectionBroke() async throws {
    let asked = Mutex<[Int64]>([])
    let router = Router()
    router.get("/v1/sessions/s1/events") { request, _ in
      let after = Int64(request.uri.queryParameters["after"].map(String.init) ?? "") ?? -1
      let attempt = asked.withLock { asked in
        asked.append(after)
        return asked.count
      }
      #expect(request.headers[.authorization] == "Bearer rky_t")
      // The second time the server is still starting; the third it repeats an event, as a proxy may.
      if attempt == 2 { return Response(status: .serviceUnavailable) }
      return Response(
        status: .ok, headers: [.contentType: "text/event-stream"],
        body: ResponseBody { writer in
          let first = attempt == 3 ? after : after + 1
          for seq in max(1, first)...(after + 3) { try await writer.write(ByteBuffer(string: Self.event(seq))) }
          try await writer.write(ByteBuffer(string: "id: 99\ndata: {\"cut"))
          try await writer.finish(nil)
        })
    }
    try await with(router) { api in
      let seen = Mutex<[Int64]>([])
      try await EventFollower(api: api, session: try SessionID("s1")).follow(after: 0) { received in
        seen.withLock { $0.append(received.event.seq) }
        #expect(received.json.contains("\"n\(received.event.seq)\""))
        return received.event.seq == 8 ? .done : .more
      }
      #expect(seen.withLock { $0 } == Array(1...8))
    }
    #expect(asked.withLock { $0 } == [0, 3, 3, 6])
  }

  @Test(.timeLimit(.minutes(2))) func anErrorIsWhatTheServerSays() async throws {
    let router = Router()
    router.get("/v1/sessions/s1/events") { _, _ in
      Response(
        status: .notFound,
        body: ResponseBody(
          byteBuffer: ByteBuffer(string: #"{"error":{"code":"not_found","message":"No such session.","mend":"List them."}}"#)))
    }
    router.get("/v1/version") { _, _ in Response(status: .unauthorized, body: ResponseBody(byteBuffer: ByteBuffer(string: "<html>"))) }
    router.get("/v1/agents") { _, _ in Response(status: .ok, body: ResponseBody(byteBuffer: ByteBuffer(string: "[1"))) }
    try await with(router) { api in
      let gone = await #expect(throws: RookeryError.self) {
        try await EventFollower(api: api, session: try SessionID("s1")).follow(after: 0) { _ in .more }
      }
      #expect(gone == RookeryError(.notFound, "No such session.", mend: "List them."))
      let proxy = await #expect(throws: RookeryError.self) { try await api.get("/v1/version", as: API.Version.self) }
      #expect(proxy?.code == .unauthenticated)
      let garbage = await #expect(throws: RookeryError.self) { try await api.get("/v1/agents", as: API.Agents.self) }
      #expect(garbage?.code == .internal)
    }
  }

  @Test(.timeLimit(.minutes(2))) func aMissingServerIsUnavailable() async throws {
    try await APIClient.with(ServerAddress(server: nil, data: "/no/such", token: nil)) { api in
      let error = await #expect(throws: RookeryError.self) { try await api.get("/v1/health", as: API.Health.self) }
      #expect(error?.code == .unavailable)
      #expect(error?.message.contains("/no/such/run/api.sock") == true)
    }
  }

  @Test(.timeLimit(.minutes(2))) func aPostIsSentAgainUntilItIsAnswered() async throws {
    let bodies = Mutex<[String]>([])
    let router = Router()
    router.post("/v1/sessions") { request, _ in
      let body = String(buffer: try await request.body.collect(upTo: 1 << 20))
      let attempt = bodies.withLock { bodies in
        bodies.append(body)
        return bodies.count
      }
      guard attempt == 3 else { return Response(status: .badGateway) }
      return Response(
        status: .created, body: ResponseBody(byteBuffer: ByteBuffer(string: #"{"session":"s1","prompt":"p1","seq":2}"#)))
    }
    try await with(router) { api in
      let request = API.CreateSession(requestId: "r1", repository: try RepositoryName("web"), prompt: "x")
      let receipt = try await api.postOnce("/v1/sessions", request, as: API.PromptReceipt.self)
      #expect(receipt.seq == 2)
    }
    let sent = bodies.withLock { $0 }
    #expect(sent.count == 3 && Set(sent).count == 1)
  }
}
