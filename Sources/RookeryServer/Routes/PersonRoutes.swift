import Foundation
import Hummingbird
import RookeryConfiguration
import RookeryModel
import RookeryStore

/// `/v1/me`, `/v1/tokens`, `/v1/login-links`: the caller and what they sign in with.
enum PersonRoutes {
  static func add(to routes: inout RouteTable, _ server: ServerContext) {
    let registry = server.registry
    routes.get("/v1/me", .role(.viewer)) { _, context in try .json(context.user()) }
    routes.get("/v1/tokens", .role(.viewer)) { _, context in
      let tokens = try await registry.credentials(.token, of: context.user().id)
      return try .json(API.Tokens(tokens: tokens.map(API.Token.init)))
    }
    routes.post("/v1/tokens", .role(.viewer)) { request, context in
      let body = try await request.json(API.CreateToken.self)
      guard (1...200).contains(body.purpose.utf8.count) else {
        throw RookeryError(.badRequest, "“purpose” must have 1 to 200 bytes.", mend: "Say what the token is for.")
      }
      if let expires = body.expires, expires <= Date() {
        throw RookeryError(.badRequest, "“expires” is in the past.", mend: "Give a later time, or leave it out.")
      }
      let issued = try await registry.issueCredential(.token, for: context.user().id, purpose: body.purpose, expires: body.expires)
      return try .json(API.NewToken(secret: Secret(issued.text), token: API.Token(issued.summary)), status: .created)
    }
    routes.delete("/v1/tokens/{id}", .role(.viewer)) { _, context in
      try await registry.revokeCredential(.token, id: context.parameters.get("id") ?? "", of: context.user().id)
      return .noContent()
    }
    routes.post("/v1/login-links", .role(.viewer)) { request, context in
      let body = try await request.json(API.CreateLoginLink.self)
      let user = try await subject(body, caller: context.user(), registry: registry)
      let now = Date()
      let code = try await registry.issueLoginCode(for: user.id, now: now)
      let link = API.LoginLink(
        url: server.configuration.server.loginLink(code: code, path: body.path.map { LoginRoutes.safePath($0) }),
        expires: now.addingTimeInterval(Double(Registry.loginCodeLifetime.components.seconds)))
      return try .json(link, status: .created)
    }
  }

  private static func subject(_ body: API.CreateLoginLink, caller: User, registry: Registry) async throws -> User {
    guard let email = body.email else { return caller }
    guard caller.role == .admin else {
      throw RookeryError(.forbidden, "Only an admin may make a login link for someone else.", mend: "Leave “email” out.")
    }
    guard let user = try await registry.user(email: email) else {
      throw RookeryError(.notFound, "There is no user with that address.")
    }
    return user
  }
}

extension API.Token {
  init(_ summary: CredentialSummary) {
    self.init(id: summary.id, purpose: summary.purpose, created: summary.created, expires: summary.expires)
  }
}
