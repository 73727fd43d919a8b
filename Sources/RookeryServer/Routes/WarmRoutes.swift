import Hummingbird
import RookeryModel

/// `/v1/warm` and what a repository's pool holds.
enum WarmRoutes {
  static func add(to routes: inout RouteTable, _ server: ServerContext) {
    let pool = server.pool
    let allowance = HintAllowance()
    routes.post("/v1/warm", .role(.member)) { request, context in
      let user = try context.user()
      try allowance.take(user.id)
      let repository = try await request.json(API.Warm.self).repository
      try await pool.warm(repository, for: user.id)
      return try .json(await pool.pool(of: repository), status: .accepted)
    }
    routes.get("/v1/repositories/{name}/pool", .role(.viewer)) { _, context in
      try .json(await pool.pool(of: try context.identifier("name", as: RepositoryName.self)))
    }
  }
}
