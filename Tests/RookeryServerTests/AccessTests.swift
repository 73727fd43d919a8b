import Foundation
import HTTPTypes
import RookeryConfiguration
import RookeryModel
import RookeryStore
import RookeryTestSupport
import Testing

@testable import RookeryServer

/// Who may do what, and how the server knows who asks.
@Suite struct AccessTests {
  /// A real path for a route's template.
  private static func path(_ route: RouteTable.Route) -> String {
    route.path.split(separator: "/", omittingEmptySubsequences: false).map { $0.hasPrefix("{") ? "none" : String($0) }
      .joined(separator: "/")
  }

  @Test func withoutAProofOnlyTheOpenRoutesAnswer() async throws {
    try await TestServer.run { server in
      let routes = server.routes
      #expect(routes.count > 30)
      for route in routes {
        let answer = try await server.ask("\(route.method)", Self.path(route), as: .none)
        #expect((answer.status == 401) == (route.access != .open), "\(route.method) \(route.path): \(answer.status)")
      }
      let open = Set(routes.filter { $0.access == .open }.map { "\($0.method) \($0.path)" })
      #expect(
        open
          == Set(
            [
              "GET /v1/health", "GET /v1/version", "GET /v1/openapi.yaml", "GET /login", "POST /logout", "GET /login/github",
              "GET /login/github/callback", "POST /hooks/github",
            ] + Asset.all.map { "GET \($0.path)" }
          ))
    }
  }

  @Test func eachRoleMayDoWhatItsRoutesSay() async throws {
    try await TestServer.run { server in
      for route in server.routes {
        guard case .role(let needed) = route.access else { continue }
        for role in User.Role.allCases {
          let answer = try await server.ask("\(route.method)", Self.path(route), as: .role(role), isValid: false)
          #expect(
            (answer.status == 403) == (role.rank < needed.rank), "\(role) \(route.method) \(route.path): \(answer.status)")
          #expect(answer.status != 401 && answer.status != 500, "\(role) \(route.method) \(route.path): \(answer.text)")
        }
      }
    }
  }

  @Test(arguments: ["", "rky_wrong", "Basic", "rkw_", String(repeating: "a", count: 4000)])
  func aWrongTokenIsAnErrorThatSaysSo(token: String) async throws {
    try await TestServer.run { server in
      let answer = try await server.ask("GET", "/v1/me", as: .token(token))
      #expect(answer.status == 401)
      #expect(answer.header("www-authenticate") == "Bearer")
      #expect(try answer.failure().code == .unauthenticated)
      #expect(try await server.ask("GET", "/v1/health", as: .token(token)).status == 401)
    }
  }

  @Test func aCookieIsNoTokenAndATokenNoCookie() async throws {
    try await TestServer.run { server in
      let cookie = try await server.signIn()
      #expect(try await server.ask("GET", "/v1/me", as: .cookie(cookie)).decode(User.self).role == .member)
      #expect(try await server.ask("GET", "/v1/me", as: .token(cookie)).status == 401)
      #expect(try await server.ask("GET", "/v1/me", as: .cookie(server.tokens[.admin] ?? "")).status == 401)
    }
  }

  @Test func thePeerOfTheUnixSocketIsTheLocalAdmin() async throws {
    try await TestServer.run { server in
      let me = try await server.ask("GET", "/v1/me", as: .socket).decode(User.self)
      #expect(me.id == server.users[.admin]?.id)
      #expect(try await server.ask("GET", "/v1/me", as: .none).status == 401)
    }
  }

  /// Another user of the machine connects to the same socket and is nobody.
  @Test func anotherUserOfTheMachineIsNobodyOnTheSocket() async throws {
    try await TestServer.run { server in
      let directory = (server.socket as NSString).deletingLastPathComponent
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: directory)
      let arguments = ["curl", "--silent", "--unix-socket", server.socket, "http://rookery/v1/me"]
      let own = try await Command.run(arguments)
      #expect(own.output.contains("admin@example.org"), "\(own.text)")
      let other = try await Command.run(["setpriv", "--reuid=65534", "--clear-groups"] + arguments)
      #expect(other.output.contains("unauthenticated"), "\(other.text)")
    }
  }

  @Test(arguments: ["evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example", "localhost:80:80", "[::1", ""])
  func anotherHostNameIsRefused(host: String) async throws {
    try await TestServer.run { server in
      for path in ["/v1/me", "/", "/v1/health", "/login"] {
        let answer = try await server.ask("GET", path, headers: ["Host": host])
        #expect(answer.status == 403 || answer.status == 400, "\(path): \(answer.status)")
      }
    }
  }

  @Test(arguments: [
    ("localhost:1", true), ("LOCALHOST", true), ("rookery.example:99", true), ("built.example:7000", true), ("built.example", false),
  ])
  func allowedHostNamesAnswer(host: String, isAllowed: Bool) async throws {
    try await TestServer.run(configure: { $0.server.allowedHosts = ["Rookery.example", "built.example:7000"] }) { server in
      let answer = try await server.ask("GET", "/v1/me", headers: ["Host": host])
      #expect(answer.status == (isAllowed ? 200 : 403))
    }
  }

  @Test(arguments: ["https://evil.example", "null", "http://127.0.0.1:1", "http://127.0.0.1", "http://evil.example/http://127.0.0.1"])
  func aCookieWriteFromAnotherOriginIsRefused(origin: String) async throws {
    try await TestServer.run { server in
      let cookie = try await server.signIn(.admin)
      for (method, path) in [("POST", "/v1/tokens"), ("DELETE", "/v1/repositories/x"), ("POST", "/sessions"), ("POST", "/logout")] {
        let answer = try await server.ask(method, path, as: .cookie(cookie), headers: ["Origin": origin], isValid: false)
        #expect(answer.status == 403, "\(method) \(path)")
      }
      #expect(try await server.ask("GET", "/v1/me", as: .cookie(cookie), headers: ["Origin": origin]).status == 200)
    }
  }

  @Test func aCookieWriteFromOurOwnPageIsTaken() async throws {
    try await TestServer.run { server in
      let cookie = try await server.signIn()
      let answer = try await server.ask("POST", "/v1/tokens", as: .cookie(cookie), json: API.CreateToken(purpose: "laptop"))
      #expect(answer.status == 201)
    }
  }

  @Test func aLoginCodeSignsOneBrowserIn() async throws {
    try await TestServer.run { server in
      let user = try #require(server.users[.member])
      let code = try await server.registry.issueLoginCode(for: user.id)
      let answers = try await withThrowingTaskGroup(of: Answer.self) { group in
        for _ in 0..<8 { group.addTask { try await server.ask("GET", "/login?code=\(code)", as: .none) } }
        return try await group.reduce(into: [Answer]()) { $0.append($1) }
      }
      #expect(answers.count { $0.status == 303 } == 1)
      let cookie = try #require(answers.first { $0.status == 303 }?.header("set-cookie"))
      #expect(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict") && cookie.contains("Path=/"))
      for answer in answers where answer.status != 303 { #expect(answer.header("set-cookie") == nil) }
      #expect(!server.log.text.contains(code))
    }
  }

  @Test(arguments: [
    ("/sessions/s-1", "/sessions/s-1"), ("//evil.example", "/"), ("https://evil.example", "/"), ("/%5Cevil.example", "/"),
    ("/a%0d%0ab", "/"),
  ])
  func aLoginLinkLeadsToAPathOfOurs(next: String, location: String) async throws {
    try await TestServer.run { server in
      let user = try #require(server.users[.member])
      let code = try await server.registry.issueLoginCode(for: user.id)
      let answer = try await server.ask("GET", "/login?code=\(code)&next=\(next)", as: .none)
      #expect(answer.header("location") == location)
    }
  }

  @Test func fromAnotherSiteALoginLinkTakesAStepOfOurOwn() async throws {
    try await TestServer.run { server in
      let user = try #require(server.users[.member])
      let code = try await server.registry.issueLoginCode(for: user.id)
      let answer = try await server.ask("GET", "/login?code=\(code)", as: .none, headers: ["Sec-Fetch-Site": "cross-site"])
      #expect(answer.status == 200)
      #expect(answer.text.contains("http-equiv=\"refresh\""))
      #expect(answer.header("set-cookie") != nil)
    }
  }

  @Test func failedLoginsAreLimited() async throws {
    try await TestServer.run { server in
      func statuses(_ path: String, _ proof: TestServer.Proof) async throws -> [Int] {
        try await withThrowingTaskGroup(of: Int.self) { group in
          for _ in 0..<40 { group.addTask { try await server.ask("GET", path, as: proof).status } }
          return try await group.reduce(into: []) { $0.append($1) }
        }
      }
      let links = try await statuses("/login?code=wrong", .none)
      #expect(links.count { $0 == 401 } >= 10 && links.contains(429) && links.allSatisfy { [401, 429].contains($0) })
      // A good token is not held up by those who guess.
      #expect(try await server.ask("GET", "/v1/me").status == 200)
      #expect(try await statuses("/v1/me", .token("rky_wrong")).contains(429))
    }
  }

  @Test func signingOutEndsTheCookie() async throws {
    try await TestServer.run { server in
      let cookie = try await server.signIn()
      #expect(try await server.ask("POST", "/logout", as: .cookie(cookie)).status == 303)
      #expect(try await server.ask("GET", "/v1/me", as: .cookie(cookie)).status == 401)
    }
  }
}

@Suite struct FailureAllowanceTests {
  @Test func tenFailuresAtOnceThenOneEverySixSeconds() {
    var allowance = FailureAllowance()
    let start = Date()
    for _ in 0..<10 {
      #expect(!allowance.isExhausted("a", now: start))
      allowance.recordFailure("a", now: start)
    }
    #expect(allowance.isExhausted("a", now: start))
    #expect(!allowance.isExhausted("b", now: start))
    #expect(allowance.isExhausted("a", now: start.addingTimeInterval(5)))
    #expect(!allowance.isExhausted("a", now: start.addingTimeInterval(6.1)))
  }

  @Test func manyAddressesCostBoundedMemory() {
    var allowance = FailureAllowance()
    let start = Date()
    for number in 0..<(3 * FailureAllowance.capacity) { allowance.recordFailure("\(number)", now: start) }
    #expect(Mirror(reflecting: allowance).children.contains { ($0.value as? any Collection)?.count ?? 0 <= FailureAllowance.capacity })
  }
}
