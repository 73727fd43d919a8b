import Foundation
import RookeryModel
import RookeryTestSupport
import Testing

@testable import RookeryServer

@Suite struct BadInputTests {
  @Test(arguments: [
    ("", "The body"), ("{", "not JSON"), ("[]", "The body"), ("null", "The body"), (#"{"requestId":"r"}"#, "“repository”"),
    (#"{"requestId":1,"repository":"x","prompt":"p"}"#, "“requestId” must be a string"),
    (#"{"requestId":"r","repository":"../x","prompt":"p"}"#, "“repository”"),
    (#"{"requestId":"r","repository":"x","prompt":null}"#, "“prompt”"),
    (#"{"requestId":"r","repository":"x","prompt":"p","author":{"name":"A"}}"#, "“author.email” is missing"),
    (#"{"requestId":"","repository":"x","prompt":"p"}"#, "requestId"),
    (#"{"requestId":"a b","repository":"x","prompt":"p"}"#, "requestId"),
    (#"{"requestId":"r","repository":"x","prompt":" \n "}"#, "empty"),
    (String(repeating: "[", count: 100_000), "JSON"), ("\u{ff}\u{0}", "JSON"),
  ])
  func malformedJSONIsRefusedWithItsPlace(body: String, says: String) async throws {
    try await TestServer.run { server in
      let answer = try await server.ask(
        "POST", "/v1/sessions", body: Data(body.utf8), headers: ["Content-Type": "application/json"], isValid: false)
      #expect(answer.status == 400)
      let failure = try answer.failure()
      #expect(failure.code == .badRequest)
      #expect(failure.message.contains(says), "\(failure)")
    }
  }

  @Test func aBodyThatIsNoJSONByItsTypeIsRefused() async throws {
    try await TestServer.run { server in
      let answer = try await server.ask(
        "POST", "/v1/sessions", body: Data("a=b".utf8), headers: ["Content-Type": "application/x-www-form-urlencoded"], isValid: false)
      #expect(answer.status == 400)
    }
  }

  @Test func promptsHaveALimitOfOneMebibyte() async throws {
    try await TestServer.run { server in
      func send(_ count: Int) async throws -> Answer {
        let body = API.CreateSession(
          requestId: "r\(count)", repository: try RepositoryName("rookery"), prompt: String(repeating: "a", count: count))
        return try await server.ask("POST", "/v1/sessions", json: body, isValid: false)
      }
      #expect(try await send(1 << 20).status == 201)
      let refused = try await send((1 << 20) + 1)
      #expect(refused.status == 413)
      #expect(try refused.failure().code == .tooLarge)
    }
  }

  @Test func bodiesHaveALimitOfTwoMebibytes() async throws {
    try await TestServer.run { server in
      let big = Data(#"{"requestId":"r","repository":"x","prompt":""#.utf8) + Data(repeating: 0x61, count: 3 << 20) + Data(#""}"#.utf8)
      for path in ["/v1/sessions", "/v1/tokens"] {
        let answer = try await server.ask("POST", path, body: big, headers: ["Content-Type": "application/json"], isValid: false)
        #expect(try answer.failure().code == .tooLarge)
      }
      // Without a length that announces it.
      let chunked = try await Command.run(
        [
          "bash", "-c",
          """
          head -c 4000000 /dev/zero | curl --silent --http1.1 -X POST -H 'Content-Type: application/json' -H 'Transfer-Encoding: chunked' \
          -H 'Authorization: Bearer \(server.tokens[.member] ?? "")' --data-binary @- \(server.origin)/v1/sessions
          """,
        ])
      #expect(chunked.output.contains("too_large"), "\(chunked.text)")
    }
  }

  @Test(arguments: [
    "/v1/sessions?limit=0", "/v1/sessions?limit=x", "/v1/sessions?repository=..%2Fx", "/v1/sessions/UPPER",
    "/v1/sessions/s-1/events?after=-1",
    "/v1/sessions/s-1/events?after=99999999999999999999", "/v1/sessions/s-1/events?limit=1001", "/v1/repositories/x/build/log?wait=31",
  ])
  func badParametersAreRefused(path: String) async throws {
    try await TestServer.run { server in
      // A session that is not there is not found, whatever was asked of it.
      let session = try await server.makeSession()
      let failure = try await server.ask("GET", path.replacing("/s-1/", with: "/\(session)/")).failure()
      #expect(failure.code == .badRequest)
    }
  }

  @Test func whatDoesNotExistIsNotFound() async throws {
    try await TestServer.run { server in
      for path in ["/v1/sessions/s-1", "/v1/sessions/s-1/events", "/v1/sessions/s-1/diff", "/v1/sessions/s-1/artifacts/a-1"] {
        #expect(try await server.ask("GET", path).failure().code == .notFound)
      }
      let stream = try await server.ask("GET", "/v1/sessions/s-1/events", headers: ["Accept": "text/event-stream"])
      #expect(try stream.failure().code == .notFound)
      #expect(try await server.ask("GET", "/sessions/s-1").status == 404)
      #expect(try await server.ask("PUT", "/v1/sessions").status == 404)
    }
  }

  @Test func headersHaveALimit() async throws {
    try await TestServer.run { server in
      let answer = try await server.ask("GET", "/v1/me", headers: ["X-Long": String(repeating: "a", count: 40_000)], isValid: false)
      #expect((400..<500).contains(answer.status))
    }
  }
}
