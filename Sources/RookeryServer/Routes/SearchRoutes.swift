import HTTPTypes
import Hummingbird
import RookeryModel
import RookerySessions

/// `/v1/search`, its page, and erasing what should not be found.
enum SearchRoutes {
  static let listLimit = 200

  static func add(to routes: inout RouteTable, _ server: ServerContext) {
    let sessions = server.sessions
    routes.get("/v1/search", .role(.viewer)) { request, context in
      let session = try request.uri.queryParameters["session"].map { try SessionID(String($0)) }
      let limit: Int = try request.number("limit", in: 1...listLimit, default: 50)
      let query = request.uri.queryParameters["q"].map { String($0) } ?? ""
      return try .json(API.SearchResults(hits: await sessions.search(query, in: session, limit: limit, by: context.user())))
    }
    routes.get("/search", .role(.viewer)) { request, context in
      let query = request.uri.queryParameters["q"].map { String($0) } ?? ""
      let viewer = try context.user()
      let hits = query.allSatisfy(\.isWhitespace) ? [] : try await sessions.search(query, in: nil, limit: 50, by: viewer)
      return SearchPage(query: query, hits: hits, viewer: viewer).page.response()
    }
    routes.post("/v1/sessions/{id}/redact", .session(.collaborator)) { request, context in
      let id = try context.identifier("id", as: SessionID.self)
      let body = try await request.json(API.Redact.self)
      let user = try context.user()
      let owner = try await sessions.detail(id).session.owner.user
      guard owner == user.id || user.role == .admin else {
        throw RookeryError(.forbidden, "Only its owner or an admin erases something from a session.", mend: "Ask them.")
      }
      return try .json(await sessions.redact(id, body.text, by: user))
    }
  }
}
