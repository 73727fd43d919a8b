import HTTPTypes
import Hummingbird
import RookeryModel
import RookerySessions
import RookeryWebSocket

/// `/v1/sessions/{id}/events`: the log as JSON, or followed as Server-Sent Events or over a WebSocket.
enum EventRoutes {
  static let pageLimit = 1000

  static func add(
    to routes: inout RouteTable, _ server: ServerContext, pace: EventStreamPace, sockets: SocketHub, _ watchers: Watchers
  ) {
    let sessions = server.sessions
    routes.get("/v1/sessions/{id}/events", .session(.viewer)) { request, context in
      let session = try context.identifier("id", as: SessionID.self)
      let after: Int64 = try request.number("after", in: 0...Int64.max, default: 0)
      try await checkGeneration(request, of: session, sessions)
      if WebSocketHandshake.isAsked(by: request.head) {
        return try await EventSocketStream(
          sessions: sessions, session: session, after: after, hub: sockets, context: context, pace: pace,
          instruments: server.metrics.instruments
        ).response(to: request)
      }
      guard acceptsStream(request) else {
        let limit: Int = try request.number("limit", in: 1...pageLimit, default: pageLimit)
        if request.uri.queryParameters["before"] != nil {
          let before: Int64 = try request.number("before", in: 1...Int64.max, default: 1)
          return try .json(await sessions.events(session, before: before, limit: limit))
        }
        return try .json(await sessions.events(session, after: after, limit: limit))
      }
      let start = try lastEventID(request) ?? after
      // Before the answer begins, so that an unknown session is an error and not an empty stream.
      let generation = try await sessions.events(session, after: start, limit: 1).generation
      let stream = EventStream(
        cursor: try await sessions.cursor(session, after: start), encoder: EventLogEncoder(generation: generation), context: context,
        pace: pace, presence: (watchers, session, try context.user().author), instruments: server.metrics.instruments)
      var headers = HTTPFields()
      if let name = HTTPField.Name("Rookery-Generation") { headers[name] = "\(generation)" }
      return stream.response(headers)
    }
  }

  /// A client that names the generation that it knows learns before anything else that the session is not the one it was.
  private static func checkGeneration(_ request: Request, of session: SessionID, _ sessions: any SessionService) async throws {
    guard request.uri.queryParameters["generation"] != nil else { return }
    let known: Int = try request.number("generation", in: 1...Int.max, default: 1)
    let current = try await sessions.feed(session).generation
    guard known == current else {
      throw RookeryError(
        .conflict, "The session was restored from an older point: this is generation \(current), not \(known).",
        mend: "Forget what you have of it and begin again with after=0.")
    }
  }

  static func acceptsStream(_ request: Request) -> Bool {
    request.headers[.accept]?.lowercased().contains("text/event-stream") ?? false
  }

  /// Where a client that lost its connection was: it outranks `after`, which is where it began.
  private static func lastEventID(_ request: Request) throws -> Int64? {
    guard let name = HTTPField.Name("Last-Event-ID"), let text = request.headers[name], !text.isEmpty else { return nil }
    guard let seq = Int64(text), seq >= 0 else {
      throw RookeryError(.badRequest, "“Last-Event-ID” must be the seq of an event.", mend: "Send the id of the last event received.")
    }
    return seq
  }
}
