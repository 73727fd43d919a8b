import HTTPTypes
import Hummingbird
import RookeryModel
import RookerySessions

/// The routes of the server: registering one with the router and listing it are the same act, so that the list (which tests hold
/// against openapi.yaml and the access rules) is complete.
struct RouteTable {
  struct Route: Sendable, Equatable {
    let method: HTTPRequest.Method
    let path: String
    let access: Access
  }

  typealias Handler = @Sendable (Request, RookeryRequestContext) async throws -> Response

  let router: Router<RookeryRequestContext>
  private let sessions: any SessionService
  private(set) var routes: [Route] = []

  /// `sessions` decides who may do what in a session.
  init(router: Router<RookeryRequestContext>, sessions: any SessionService) {
    self.router = router
    self.sessions = sessions
  }

  /// `path` as in openapi.yaml: `/v1/sessions/{id}`.
  mutating func on(_ method: HTTPRequest.Method, _ path: String, _ access: Access, _ handler: @escaping Handler) {
    routes.append(Route(method: method, path: path, access: access))
    router.on(RouterPath(path), method: method) { [sessions] request, context in
      try access.admit(context.caller)
      if case .session(let needed) = access {
        try await sessions.admit(context.user(), to: try context.identifier("id", as: SessionID.self), as: needed)
      }
      return try await handler(request, context)
    }
  }

  mutating func get(_ path: String, _ access: Access, _ handler: @escaping Handler) { on(.get, path, access, handler) }
  mutating func post(_ path: String, _ access: Access, _ handler: @escaping Handler) { on(.post, path, access, handler) }
  mutating func patch(_ path: String, _ access: Access, _ handler: @escaping Handler) { on(.patch, path, access, handler) }
  mutating func delete(_ path: String, _ access: Access, _ handler: @escaping Handler) { on(.delete, path, access, handler) }
}
