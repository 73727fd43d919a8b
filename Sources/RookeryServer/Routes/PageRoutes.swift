import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import RookeryConfiguration
import RookeryModel
import RookerySessions

/// The pages, and the stream behind the live one.
enum PageRoutes {
  static let recentSessions = 50

  static func add(to routes: inout RouteTable, _ server: ServerContext, pace: EventStreamPace) {
    routes.get("/", .role(.viewer)) { _, context in try await home(server, viewer: context.user()).page.response() }
    routes.get("/live/home", .role(.viewer)) { _, context in
      let lists = try await home(server, viewer: context.user()).lists
      return .bytes(lists.text.utf8, type: "text/html; charset=utf-8")
    }
    routes.get("/repositories/{name}", .role(.viewer)) { _, context in
      let name = try context.identifier("name", as: RepositoryName.self)
      let repository = try await server.repositories.get(name)
      let log = repository.lastBuild == nil ? nil : try await RepositoryPage.log(of: name, server.repositories)
      let sessions = try await server.sessions.sessions(repository: name, limit: recentSessions)
      return try RepositoryPage(repository: repository, log: log, sessions: sessions, viewer: context.user()).page.response()
    }
    routes.get("/images", .role(.viewer)) { _, context in
      var images = try await server.repositories.images()
      let names = Set(try await server.visibility.readable(server.repositories.list(), by: context.user()).map(\.name))
      if await server.visibility.isOn { images.images.removeAll { !names.contains($0.repository) } }
      return try ImagesPage(images: images, viewer: context.user()).page.response()
    }
    let page = SessionPage(sessions: server.sessions)
    routes.get("/sessions/{id}", .role(.viewer)) { request, context in
      let id = try context.identifier("id", as: SessionID.self)
      let before: Int64 = try request.number("before", in: 0...Int64.max, default: 0)
      let user = try context.user()
      let title = try await server.sessions.detail(id).session.title
      let content = try await page.render(id, viewer: user, before: before == 0 ? nil : before)
      return Page(title: "\(title) · Rookery", user: user, kind: "session", content: content).response()
    }
    routes.get("/sessions/{id}/stream", .role(.viewer)) { request, context in
      let id = try context.identifier("id", as: SessionID.self)
      let after: Int64 = try request.number("after", in: 0...Int64.max, default: 0)
      let from: Int64 = try request.number("from", in: 0...Int64.max, default: 1)
      let encoder = try await FragmentEncoder(page: page, session: id, after: after, from: from)
      var pace = pace
      // Each batch renders what it touched: gathering what streams in keeps that to some ten times a second.
      pace.gather = .milliseconds(80)
      return EventStream(cursor: try await server.sessions.cursor(id, after: after), encoder: encoder, context: context, pace: pace)
        .response()
    }
    for asset in Asset.all {
      routes.get(asset.path, .open) { _, _ in .bytes(asset.bytes, type: asset.type, cache: "public, max-age=31536000, immutable") }
    }
  }

  private static func home(_ server: ServerContext, viewer: User) async throws -> HomePage {
    async let repositories = server.repositories.list()
    async let sessions = server.sessions.sessions(repository: nil, limit: recentSessions)
    async let agents = server.agents.list()
    return try await HomePage(
      repositories: server.visibility.readable(repositories, by: viewer), sessions: server.visibility.readable(sessions, by: viewer),
      agents: agents, viewer: viewer,
      defaultAgent: server.configuration.agents.defaultAgent)
  }
}
