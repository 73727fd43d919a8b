import HTTPTypes
import Hummingbird
import RookeryModel
import RookerySessions
import RookeryWebSocket

/// `/v1/sessions/{id}/events`: the log as JSON, or followed as Server-Sent Events or over a WebSocket.
enum EventRoutes {
  static let pageLimit = 1000

  static func add(to routes: inout RouteTable, _ server: ServerContext, pace: EventStreamPace, sockets: SocketHub) {
    let sessions = server.sessions
    routes.get("/v1/sessions/{id}/events", .role(.viewer)) { request, context in
      let session = try context.identifier("id", as: SessionID.self)
      let after: Int64 = try request.number("after", in: 0...Int64.max, default: 0)
      if WebSocketHandshake.isAsked(by: request.head) {
        return try await EventSocketStream(
          sessions: sessions, session: session, after: after, hub: sockets, context: context, pace: pace,
          instruments: server.metrics.instruments
        ).response(to: request)
      }
      guard acceptsStream(request) else {
        let limit: Int = try request.number("limit", in: 1...pageLimit, default: pageLimit)
        return try .json(await sessions.events(session, after: after, limit: limit))
      }
      let start = try lastEventID(request) ?? after
      // Before the answer begins, so that an unknown session is an error and not an empty stream.
      let generation = try await sessions.events(session, after: start, limit: 1).generation
      let stream = EventStream(
        cursor: try await sessions.cursor(session, after: start), encoder: EventLogEncoder(generation: generation), context: context,
        pace: pace, instruments: server.metrics.instruments)
      var headers = HTTPFields()
      if let name = HTTPField.Name("Rookery-Generation") { headers[name] = "\(generation)" }
      return stream.response(headers)
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
