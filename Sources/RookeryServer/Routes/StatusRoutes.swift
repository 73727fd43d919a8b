import Hummingbird
import RookeryModel

/// What anyone may ask: whether the server is well, which version it is, and what its API is.
enum StatusRoutes {
  static func add(to routes: inout RouteTable, _ server: ServerContext) {
    routes.get("/v1/health", .open) { _, _ in try .json(await server.health()) }
    routes.get("/v1/version", .open) { _, _ in try .json(API.Version(version: server.version, api: "v1")) }
    routes.get("/v1/openapi.yaml", .open) { _, _ in
      .bytes(PackageResources.openapi_yaml, type: "application/yaml; charset=utf-8")
    }
  }
}
