import HTTPTypes
import Hummingbird

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
  private(set) var routes: [Route] = []

  init(router: Router<RookeryRequestContext>) { self.router = router }

  /// `path` as in openapi.yaml: `/v1/sessions/{id}`.
  mutating func on(_ method: HTTPRequest.Method, _ path: String, _ access: Access, _ handler: @escaping Handler) {
    routes.append(Route(method: method, path: path, access: access))
    router.on(RouterPath(path), method: method) { request, context in
      try access.admit(context.caller)
      return try await handler(request, context)
    }
  }

  mutating func get(_ path: String, _ access: Access, _ handler: @escaping Handler) { on(.get, path, access, handler) }
  mutating func post(_ path: String, _ access: Access, _ handler: @escaping Handler) { on(.post, path, access, handler) }
  mutating func delete(_ path: String, _ access: Access, _ handler: @escaping Handler) { on(.delete, path, access, handler) }
}
