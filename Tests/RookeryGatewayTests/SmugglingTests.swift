import Foundation
import Glibc
import RookeryGateway
import RookeryModel
import RookeryTestSupport
import Testing

/// What a sandbox could send to make the gateway and the remote disagree on where a request ends or whom it is for.
@Suite struct SmugglingTests {
  private func withGateway(_ body: (GitServer, GatewayFixture) async throws -> Void) async throws {
    let server = try await GitServer.start()
    try await server.makeRepository("one")
    let gateway = try await GatewayFixture.start { $0.bounds.linger = .seconds(2) }
    try await gateway.grant(server, ["one": "refs/heads/rookery/s1"])
    try await body(server, gateway)
    // Nothing of these ever gets to the remote.
    #expect(server.received.isEmpty)
    try await gateway.stop()
    await server.stop()
  }

  private static let get = "GET /one.git/info/refs?service=git-upload-pack HTTP/1.1\r\n"
  private static let post = "POST /one.git/git-receive-pack HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-git-receive-pack-request\r\n"

  private static let requests = [
    // Lengths
    post + "Content-Length: 4\r\nContent-Length: 4\r\n\r\n0000",
    post + "Content-Length: 4\r\nContent-Length: 8\r\n\r\n00000000",
    post + "Content-Length: 4, 4\r\n\r\n0000", post + "Content-Length: +4\r\n\r\n0000", post + "Content-Length: -1\r\n\r\n0000",
    post + "Content-Length: 0x4\r\n\r\n0000", post + "Content-Length: 99999999999999999999999\r\n\r\n0000",
    post + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n0000\r\n0\r\n\r\n",
    post + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n4\r\n0000\r\n0\r\n\r\n",
    post + "Transfer-Encoding: gzip, chunked\r\n\r\n4\r\n0000\r\n0\r\n\r\n",
    post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", post + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    post + "Transfer-Encoding: chunked\r\n\r\nzz\r\n0000\r\n0\r\n\r\n", post + "Transfer-Encoding:\u{0b}chunked\r\n\r\n0\r\n\r\n",
    get + "Host: x\r\nContent-Length: 5\r\n\r\nhello", get + "Host: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    // Heads
    get + "\r\n", get + "Host: x\r\nHost: y\r\n\r\n", get + "Host: x\r\n folded: y\r\n\r\n", get + "Host: x\r\nA b: c\r\n\r\n",
    get + "Host: x\nX: y\n\n", get + "Host: x\r\nX: a\0b\r\n\r\n", get + "Host: x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
    get + "Host: x\r\nExpect: 200-ok\r\n\r\n",
    "GET /one.git/info/refs?service=git-upload-pack HTTP/1.0\r\nHost: x\r\n\r\n",
    "GET /one.git/info/refs?service=git-upload-pack HTTP/2.0\r\nHost: x\r\n\r\n",
    "GET /one.git/info/refs?service=git-upload-pack\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "CONNECT 169.254.169.254:80 HTTP/1.1\r\nHost: x\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    "DELETE /one.git/info/refs HTTP/1.1\r\nHost: x\r\n\r\n", "\u{16}\u{03}\u{01}\u{02}\u{00}\u{01}\u{00}",
    // Targets
    "GET http://169.254.169.254/one.git/info/refs?service=git-upload-pack HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET //evil.example/one.git/info/refs?service=git-upload-pack HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /two.git/../one.git/info/refs?service=git-upload-pack HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /one.git/%2e%2e/one.git/info/refs?service=git-upload-pack HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /one%2egit/info/refs?service=git-upload-pack HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /x%2Fone.git/info/refs?service=git-upload-pack HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /one.git\\info/refs?service=git-upload-pack HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /one.git/info/refs;x?service=git-upload-pack HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /one.git//info/refs?service=git-upload-pack HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /one.git/info/refs?service=git-upload-pack&service=git-receive-pack HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /one.git/info/refs?service=git-upload-archive HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /one.git/info/refs?Service=git-upload-pack HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /one.git/info/refs?service=git-upload-pack%0d%0aX:y HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /one.git/info/refs HTTP/1.1\r\nHost: x\r\n\r\n", "GET /one.git/HEAD HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /one.git/objects/info/packs HTTP/1.1\r\nHost: x\r\n\r\n", "GET /one/info/refs?service=git-upload-pack HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /ONE.git/info/refs?service=git-upload-pack HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /one.git/git-upload-pack HTTP/1.1\r\nHost: x\r\n\r\n",
    "POST /one.git/git-upload-pack?a=b HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-git-upload-pack-request\r\nContent-Length: 4\r\n\r\n0000",
    "POST /one.git/git-upload-pack HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-git-receive-pack-request\r\nContent-Length: 4\r\n\r\n0000",
    "POST /one.git/git-upload-archive HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-git-upload-archive-request\r\nContent-Length: 0\r\n\r\n",
    "POST /one.git/info/lfs/objects/batch HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
  ]

  /// All on one gateway: what one of them leaves behind would show in the next.
  @Test func oddRequestsAreRefused() async throws {
    try await withGateway { _, gateway in
      for request in Self.requests {
        let closing = request.hasPrefix("GET /") || request.hasPrefix("POST /") ? Self.closing(request) : request
        let answer = try await RawSocket.exchange(port: gateway.gitPort, closing)
        #expect(answer.hasPrefix("HTTP/1.1 4") || answer.hasPrefix("HTTP/1.1 5") || answer.isEmpty, "\(request): \(answer)")
        #expect(answer.components(separatedBy: "HTTP/1.1 ").count <= 2, "one answer to one request: \(request): \(answer)")
      }
    }
  }

  /// The same request, asking for the connection's end, so that the answer can be read up to there.
  private static func closing(_ request: String) -> String {
    guard let range = request.range(of: "Host: x\r\n") else { return request }
    return request.replacingCharacters(in: range, with: "Host: x\r\nConnection: close\r\n")
  }

  @Test func malformedCommandsAreRefused() async throws {
    try await withGateway { _, gateway in
      for body in [
        "", "zzzz", "0001", "0002", "0003", "0004", "0005x", "fff1" + String(repeating: "x", count: 70000), "0008oops0000",
        "000ashallow x0000",
      ] {
        let request = Self.closing(Self.post) + "Content-Length: \(body.utf8.count)\r\n\r\n" + body
        let answer = try await RawSocket.exchange(port: gateway.gitPort, request)
        #expect(answer.hasPrefix("HTTP/1.1 4"), "\(body.prefix(40)): \(answer)")
      }
    }
  }

  @Test func slowHeadsAreCutOff() async throws {
    let gateway = try await GatewayFixture.start {
      $0.bounds.requestHead = .milliseconds(500)
      $0.bounds.bodyStall = .milliseconds(500)
    }
    let drip = try await RawSocket.exchange(
      port: gateway.gitPort, Array("GET / HTTP/1.1\r\nHost: x\r\n".utf8).map { [$0] }, pause: .milliseconds(100))
    #expect(drip.isEmpty)
    #expect(try await RawSocket.exchange(port: gateway.gitPort, "").isEmpty)
    try await gateway.grant(model: Grant.Model(url: "http://127.0.0.1:9", wire: .openai, key: Secret("k"), name: "m", tokenAllowance: nil))
    let body = "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{"
    #expect(try await RawSocket.exchange(port: gateway.modelPort, body).isEmpty)
    try await gateway.stop()
  }

  @Test func connectionsAreCapped() async throws {
    let gateway = try await GatewayFixture.start { $0.bounds.connections = 3 }
    let request = "GET /one.git/info/refs?service=git-upload-pack HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    // A probe that is accepted before the held ones takes the place of one of them, which is then refused for good: hold anew.
    try await eventually {
      let held = try (0..<3).map { _ in try RawSocket.connect(port: gateway.gitPort) }
      defer { held.forEach { close($0) } }
      return try await RawSocket.exchange(port: gateway.modelPort, request).contains("too many connections")
    }
    try await eventually { try await RawSocket.exchange(port: gateway.gitPort, request).contains("403") }
    try await gateway.stop()
  }

  @Test func longHeadsAreRefused() async throws {
    let gateway = try await GatewayFixture.start()
    for extra in [String(repeating: "X: y\r\n", count: 200), "X: " + String(repeating: "y", count: 20_000) + "\r\n"] {
      let answer = try await RawSocket.exchange(port: gateway.gitPort, "GET / HTTP/1.1\r\nHost: x\r\n\(extra)\r\n")
      #expect(answer.hasPrefix("HTTP/1.1 4") || answer.isEmpty, "\(answer)")
    }
    let path = "GET /\(String(repeating: "x", count: 2000)) HTTP/1.1\r\nHost: x\r\n\r\n"
    #expect(try await RawSocket.exchange(port: gateway.gitPort, path).hasPrefix("HTTP/1.1 414"))
    try await gateway.stop()
  }
}
