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
  private let visibility: Visibility?
  private(set) var routes: [Route] = []

  /// - Parameter visibility: Decides, at each route about one session or repository, who may know of it; nil: all who have the role.
  init(router: Router<RookeryRequestContext>, visibility: Visibility? = nil) {
    self.router = router
    self.visibility = visibility
  }

  /// `path` as in openapi.yaml: `/v1/sessions/{id}`.
  mutating func on(_ method: HTTPRequest.Method, _ path: String, _ access: Access, _ handler: @escaping Handler) {
    routes.append(Route(method: method, path: path, access: access))
    router.on(RouterPath(path), method: method) { [visibility] request, context in
      try access.admit(context.caller)
      try await visibility?.admit(path: path, method: method, context)
      return try await handler(request, context)
    }
  }

  mutating func get(_ path: String, _ access: Access, _ handler: @escaping Handler) { on(.get, path, access, handler) }
  mutating func post(_ path: String, _ access: Access, _ handler: @escaping Handler) { on(.post, path, access, handler) }
  mutating func delete(_ path: String, _ access: Access, _ handler: @escaping Handler) { on(.delete, path, access, handler) }
}
