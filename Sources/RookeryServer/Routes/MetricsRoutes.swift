import Foundation
import HTTPTypes
import Hummingbird
import RookeryConfiguration
import RookeryMetrics
import RookeryModel
import RookerySessions
import RookeryStore

/// `/v1/metrics`, `/metrics` and the page that shows them. docs/metrics.md says what the figures mean.
enum MetricsRoutes {
  static let listLimit = 500

  static func add(to routes: inout RouteTable, _ server: ServerContext) {
    addFigures(to: &routes, server)
    addLists(to: &routes, server)
    routes.get("/metrics", .open) { request, context in
      try admit(request, context, server)
      return .bytes(try await MonitoringText.make(server).utf8, type: Exposition.mediaType)
    }
    routes.get("/stats", .role(.viewer)) { request, context in
      try await StatisticsPage.make(query: StatisticsQuery(request), server, viewer: context.user()).page.response()
    }
  }

  private static func addFigures(to routes: inout RouteTable, _ server: ServerContext) {
    let store = server.metrics.store
    routes.get("/v1/metrics/summary", .role(.viewer)) { request, _ in
      let query = try StatisticsQuery(request)
      return try .json(await store.summary(query.span(), repository: query.repository))
    }
    routes.get("/v1/metrics/series", .role(.viewer)) { request, _ in
      let query = try StatisticsQuery(request)
      let span = try query.span()
      return try .json(await store.series(span, step: try query.step(request) ?? span.usualStep, repository: query.repository))
    }
    routes.get("/v1/metrics/live", .role(.viewer)) { _, context in
      try .json(await store.live(withNames: context.user().role == .admin))
    }
    routes.post("/v1/metrics/rebuild", .role(.admin)) { _, _ in try .json(await server.metrics.rebuild()) }
  }

  private static func addLists(to routes: inout RouteTable, _ server: ServerContext) {
    let store = server.metrics.store
    routes.get("/v1/metrics/repositories", .role(.viewer)) { request, _ in
      let span = try StatisticsQuery(request).span()
      let named = try await server.repositories.list().map(\.name)
      return try .json(
        Metrics.Repositories(
          period: span.period, repositories: await store.repositories(span, named: named, registry: server.registry)))
    }
    // What people cost is theirs and the admins' to see.
    routes.get("/v1/metrics/users", .role(.viewer)) { request, context in
      let span = try StatisticsQuery(request).span()
      let limit: Int = try request.number("limit", in: 1...listLimit, default: 100)
      let user = try context.user()
      return try .json(
        Metrics.Users(period: span.period, users: await store.users(span, user: user.role == .admin ? nil : user.id, limit: limit)))
    }
    routes.get("/v1/metrics/sessions", .role(.viewer)) { request, context in
      let query = try StatisticsQuery(request)
      let span = try query.span()
      let limit: Int = try request.number("limit", in: 1...listLimit, default: 100)
      let (total, sessions) = try await store.sessions(span, repository: query.repository, limit: limit)
      var shown: [Metrics.SessionFigures] = []
      for figures in sessions where await Self.mayWatch(figures.session, context, server) { shown.append(figures) }
      return try .json(Metrics.Sessions(period: span.period, total: total, sessions: shown))
    }
    routes.get("/v1/metrics/sessions/{id}", .role(.viewer)) { _, context in
      let session = try context.identifier("id", as: SessionID.self)
      // A session that was deleted has no figures either, so an admin is told by the figures alone.
      if try context.user().role != .admin { try await server.sessions.admit(context.user(), to: session, as: .viewer) }
      return try .json(await store.session(session))
    }
  }

  private static func mayWatch(_ session: SessionID, _ context: RookeryRequestContext, _ server: ServerContext) async -> Bool {
    guard let user = try? context.user() else { return false }
    if user.role == .admin { return true }
    return (try? await server.sessions.admit(user, to: session, as: .viewer)) != nil
  }

  /// Monitoring comes with a token, by the Unix socket, or from a network that the configuration names. What a proxy passed on comes
  /// from somewhere else.
  private static func admit(_ request: Request, _ context: RookeryRequestContext, _ server: ServerContext) throws {
    if context.caller != nil { return }
    let isForwarded = ["X-Forwarded-For", "Forwarded"].contains { HTTPField.Name($0).map(request.headers.contains) ?? false }
    let networks = server.configuration.server.metricsNetworks
    if !context.isLocalSocket, !isForwarded, networks.contains(where: { $0.contains(context.peerAddress) }) { return }
    throw RookeryError(
      .unauthenticated, "Monitoring needs a token here.",
      mend: "Send “Authorization: Bearer TOKEN” (“rookery token create” makes one), or list your network in server.metrics_networks.")
  }
}

/// The period and repository that a request asks for.
struct StatisticsQuery: Sendable {
  var since: String?
  var until: String?
  var zone: String?
  var repository: RepositoryName?

  init(_ request: Request) throws {
    func text(_ name: String) -> String? {
      request.uri.queryParameters[Substring(name)].map(String.init).flatMap { $0.isEmpty ? nil : $0 }
    }
    since = text("since")
    until = text("until")
    zone = text("zone")
    repository = try text("repository").map { try RepositoryName($0) }
  }

  func span() throws -> Span { try Span.read(since: since, until: until, zone: zone) }

  func step(_ request: Request) throws -> Metrics.Step? {
    guard let text = request.uri.queryParameters["step"] else { return nil }
    guard let step = Metrics.Step(rawValue: String(text)) else {
      throw RookeryError(.badRequest, "“step” must be hour, day, week or month.", mend: "Leave it out for one that suits the period.")
    }
    return step
  }
}
