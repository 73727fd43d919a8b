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

  static func add(to routes: inout RouteTable, _ server: ServerContext, pace: EventStreamPace, _ watchers: Watchers) {
    routes.get("/", .role(.viewer)) { _, context in try await home(server, viewer: context.user()).page.response() }
    routes.get("/live/home", .role(.viewer)) { _, context in
      let lists = try await home(server, viewer: context.user()).lists
      return .bytes(lists.text.utf8, type: "text/html; charset=utf-8")
    }
    routes.get("/repositories/{name}", .role(.viewer)) { _, context in
      let name = try context.identifier("name", as: RepositoryName.self)
      let repository = try await server.repositories.get(name)
      let log = repository.lastBuild == nil ? nil : try await RepositoryPage.log(of: name, server.repositories)
      let sessions = try await server.sessions.sessions(repository: name, limit: recentSessions, for: context.user())
      return try RepositoryPage(repository: repository, log: log, sessions: sessions, viewer: context.user()).page.response()
    }
    routes.get("/images", .role(.viewer)) { _, context in
      try await ImagesPage(images: server.repositories.images(), viewer: context.user()).page.response()
    }
    routes.get("/join", .role(.viewer)) { _, context in JoinPage.page(try context.user()).response() }
    let page = SessionPage(sessions: server.sessions)
    routes.get("/sessions/{id}", .session(.viewer)) { request, context in
      let id = try context.identifier("id", as: SessionID.self)
      let before: Int64 = try request.number("before", in: 0...Int64.max, default: 0)
      let user = try context.user()
      let title = try await server.sessions.detail(id).session.title
      let content = try await page.render(id, viewer: user, watching: watchers.people(of: id), before: before == 0 ? nil : before)
      return Page(title: "\(title) · Rookery", user: user, kind: "session", content: content).response()
    }
    routes.get("/sessions/{id}/stream", .session(.viewer)) { request, context in
      let id = try context.identifier("id", as: SessionID.self)
      let after: Int64 = try request.number("after", in: 0...Int64.max, default: 0)
      let from: Int64 = try request.number("from", in: 0...Int64.max, default: 1)
      let encoder = try await FragmentEncoder(
        page: page, session: id, viewer: context.user(), watchers: watchers, after: after, from: from)
      var pace = pace
      // Each batch renders what it touched: gathering what streams in keeps that to some ten times a second.
      pace.gather = .milliseconds(80)
      return EventStream(
        cursor: try await server.sessions.cursor(id, after: after), encoder: encoder, context: context, pace: pace,
        presence: (watchers, id, try context.user().author), instruments: server.metrics.instruments
      )
      .response()
    }
    for asset in Asset.all {
      routes.get(asset.path, .open) { _, _ in .bytes(asset.bytes, type: asset.type, cache: "public, max-age=31536000, immutable") }
    }
  }

  private static func home(_ server: ServerContext, viewer: User) async throws -> HomePage {
    async let repositories = server.repositories.list()
    async let sessions = server.sessions.sessions(repository: nil, limit: recentSessions, for: viewer)
    async let agents = server.agents.list()
    return try await HomePage(
      repositories: repositories, sessions: sessions, agents: agents, viewer: viewer,
      defaultAgent: server.configuration.agents.defaultAgent)
  }
}
