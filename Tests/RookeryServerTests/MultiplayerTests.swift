import Foundation
import RookeryModel
import RookeryStore
import Testing

@testable import RookeryServer

/// Several people in one session, as the server sees them.
@Suite struct MultiplayerTests {
  @Test func everyRouteOfASessionAsksTheSession() async throws {
    try await TestServer.run { server in
      // A link's secret admits by itself; figures are asked for after the session, which an admin need not have.
      let others = ["POST /v1/sessions/{id}/participants", "GET /v1/metrics/sessions/{id}"]
      for route in server.routes where route.path.contains("/sessions/{id}") && !others.contains("\(route.method) \(route.path)") {
        guard case .session = route.access else {
          Issue.record("\(route.method) \(route.path) does not ask the session")
          continue
        }
      }
    }
  }

  @Test func aHiddenSessionIsAMissingOne() async throws {
    try await TestServer.run { server in
      let id = try await server.makeSession("Secret", as: .admin)
      #expect(try await server.ask("PATCH", "/v1/sessions/\(id)", json: API.ChangeSession(access: .closed)).status == 200)
      for route in server.routes where route.path.contains("/sessions/{id}") {
        func path(_ session: String) -> String {
          route.path.replacingOccurrences(of: "{id}", with: session).split(separator: "/", omittingEmptySubsequences: false)
            .map { $0.hasPrefix("{") ? "none" : String($0) }.joined(separator: "/")
        }
        let hidden = try await server.ask("\(route.method)", path(id.rawValue), as: .role(.member), isValid: false)
        let missing = try await server.ask("\(route.method)", path("s-missing"), as: .role(.member), isValid: false)
        #expect(hidden.status == missing.status, "\(route.method) \(route.path): \(hidden.status), \(missing.status)")
        #expect(hidden.text.replacingOccurrences(of: id.rawValue, with: "s-missing") == missing.text, "\(route.method) \(route.path)")
      }
      #expect(try await server.ask("GET", "/v1/sessions", as: .role(.member)).decode(API.Sessions.self).sessions.isEmpty)
      #expect(try await !server.ask("GET", "/", as: .role(.member)).text.contains("Secret"))
      #expect(try await server.ask("GET", "/", as: .role(.admin)).text.contains("Secret"))
    }
  }

  @Test func rolesSayWhatIsPossible() async throws {
    try await TestServer.run { server in
      let id = try await server.makeSession("Open", as: .admin)
      _ = try await server.ask("PATCH", "/v1/sessions/\(id)", json: API.ChangeSession(access: .watch))
      let writes: [(String, String, (any Encodable)?)] = [
        ("POST", "prompts", API.PostPrompt(requestId: "1", text: "x")), ("POST", "stop", nil), ("DELETE", "prompts/none", nil),
        ("PATCH", "prompts/none", API.EditPrompt(requestId: "2", text: "x")), ("POST", "permissions/none", API.AnswerPermission(option: 0)),
        ("POST", "typing", API.SayTyping(active: true)), ("POST", "snapshots", nil),
        ("POST", "fork", API.ForkSession(requestId: "3", prompt: "x")), ("GET", "invitations", nil),
        ("POST", "invitations", API.CreateInvitation(role: .viewer)),
      ]
      for (method, path, body) in writes {
        let answer = try await server.ask(method, "/v1/sessions/\(id)/\(path)", as: .role(.member), json: body)
        #expect(answer.status == 403, "\(method) \(path): \(answer.status)")
      }
      for path in ["", "/events", "/participants", "/snapshots"] {
        #expect(try await server.ask("GET", "/v1/sessions/\(id)\(path)", as: .role(.member)).status == 200, "\(path)")
      }
      let page = try await server.ask("GET", "/sessions/\(id)", as: .role(.member)).text
      #expect(page.contains("You watch this session"))
      #expect(!page.contains("id=\"prompt\""))
      // A viewer of the server is a viewer everywhere, whoever lets them in.
      let invitation = try await server.ask("POST", "/v1/sessions/\(id)/invitations", json: API.CreateInvitation(role: .collaborator))
        .decode(API.NewInvitation.self)
      #expect(invitation.url.reveal().hasPrefix(server.origin.replacingOccurrences(of: ":\(server.port)", with: "")))
      let secret = String(try #require(invitation.url.reveal().split(separator: "/").last))
      let join = API.JoinSession(secret: Secret(secret))
      let people = try await server.ask("POST", "/v1/sessions/\(id)/participants", as: .role(.viewer), json: join).decode(API.People.self)
      #expect(people.participants.map(\.role) == [.owner, .collaborator])
      #expect(
        try await server.ask(
          "POST", "/v1/sessions/\(id)/prompts", as: .role(.viewer), json: API.PostPrompt(requestId: "9", text: "x")
        ).status == 403)
      #expect(try await server.ask("POST", "/v1/sessions/\(id)/participants", as: .role(.member), json: join).status == 200)
      #expect(
        try await server.ask(
          "POST", "/v1/sessions/\(id)/prompts", as: .role(.member), json: API.PostPrompt(requestId: "8", text: "x")
        ).status == 201)
      #expect(try await server.ask("DELETE", "/v1/sessions/\(id)/invitations/\(invitation.invitation.id)").status == 204)
      #expect(
        try await server.ask("GET", "/v1/sessions/\(id)/invitations").decode(API.Invitations.self).invitations.isEmpty)
      // Everyone may leave; removing others takes an owner.
      let (admin, member) = (try #require(server.users[.admin]), try #require(server.users[.member]))
      #expect(try await server.ask("DELETE", "/v1/sessions/\(id)/participants/\(admin.id)", as: .role(.member)).status == 403)
      #expect(try await server.ask("DELETE", "/v1/sessions/\(id)/participants/\(member.id)", as: .role(.member)).status == 204)
    }
  }

  @Test func filesAreBoundedAndSavedNotShown() async throws {
    try await TestServer.run { server in
      let html = Data("<script>alert(1)</script>".utf8)
      let answer = try await server.ask(
        "POST", "/v1/attachments?name=a.html", as: .role(.member), body: html, headers: ["Content-Type": "text/html"], isValid: false)
      #expect(answer.status == 201)
      let file = try answer.decode(Attachment.self)
      let id = try await server.makeSession()
      _ = try await server.ask(
        "POST", "/v1/sessions/\(id)/prompts", as: .role(.member),
        json: API.PostPrompt(requestId: "1", text: "see", attachments: [file.digest]))
      let saved = try await server.ask("GET", "/v1/sessions/\(id)/attachments/\(file.digest)")
      #expect(saved.body == html)
      #expect(saved.header("content-disposition")?.hasPrefix("attachment") == true)
      #expect(saved.header("content-security-policy") == "default-src 'none'; sandbox")
      #expect(
        try await server.ask("POST", "/v1/attachments?name=x", as: .role(.viewer), body: html, isValid: false).status == 403)
      let large = try await server.ask(
        "POST", "/v1/attachments?name=x", as: .role(.member), body: Data(count: Uploads.limit + 1), isValid: false)
      #expect(large.status == 413)
    }
  }

  @Test func typingIsBoundedInRate() async throws {
    try await TestServer.run { server in
      let id = try await server.makeSession()
      var refused = 0
      for _ in 0..<30 {
        let answer = try await server.ask("POST", "/v1/sessions/\(id)/typing", as: .role(.member), json: API.SayTyping(active: true))
        #expect([204, 429].contains(answer.status))
        if answer.status == 429 { refused += 1 }
      }
      #expect(refused > 0)
    }
  }
}
