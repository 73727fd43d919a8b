import Hummingbird
import RookeryModel

/// `/v1/repositories`
enum RepositoryRoutes {
  /// Seconds that a reader of a build's log may ask to wait.
  static let longestWait = 30

  static func add(to routes: inout RouteTable, _ server: ServerContext) {
    let repositories = server.repositories
    routes.get("/v1/repositories", .role(.viewer)) { _, context in
      try .json(API.Repositories(repositories: await server.visibility.readable(repositories.list(), by: context.user())))
    }
    routes.post("/v1/repositories", .role(.admin)) { request, _ in
      try .json(await repositories.add(try await request.json(API.AddRepository.self)), status: .created)
    }
    routes.get("/v1/repositories/{name}", .role(.viewer)) { _, context in
      try .json(await repositories.get(try context.identifier("name", as: RepositoryName.self)))
    }
    routes.delete("/v1/repositories/{name}", .role(.admin)) { _, context in
      try await repositories.remove(try context.identifier("name", as: RepositoryName.self))
      return .noContent()
    }
    routes.post("/v1/repositories/{name}/build", .role(.member)) { request, context in
      let name = try context.identifier("name", as: RepositoryName.self)
      let reason: BuildSummary.Reason = try request.flag("push") ? .push : .request
      return try .json(
        await repositories.build(name, reason: reason, force: try request.flag("force")), status: .accepted)
    }
    routes.get("/v1/images", .role(.viewer)) { _, context in
      var images = try await repositories.images()
      let names = Set(try await server.visibility.readable(repositories.list(), by: context.user()).map(\.name))
      if await server.visibility.isOn { images.images.removeAll { !names.contains($0.repository) } }
      return try .json(images)
    }
    routes.get("/v1/repositories/{name}/build/log", .role(.viewer)) { request, context in
      let name = try context.identifier("name", as: RepositoryName.self)
      let after: Int = try request.number("after", in: 0...Int.max, default: 0)
      let wait: Int = try request.number("wait", in: 0...longestWait, default: 0)
      return try .json(await untilShutdown { try await repositories.buildLog(name, after: after, wait: .seconds(wait)) })
    }
  }
}
