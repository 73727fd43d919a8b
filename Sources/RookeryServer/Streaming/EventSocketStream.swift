import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import RookeryMetrics
import RookeryModel
import RookerySessions
import RookeryWebSocket

/// A session's log over a WebSocket: stored events, then live ones, without a gap; one text message an event, as its commit encoded
/// it. Commands are HTTP requests: a client that sends a message is sent away.
struct EventSocketStream: Sendable {
  static let subprotocol = "rookery.v1"

  let sessions: any SessionService
  let session: SessionID
  let after: Int64
  let hub: SocketHub
  let context: RookeryRequestContext
  let pace: EventStreamPace
  let instruments: Instruments

  /// Refuses what is no proper handshake, or comes from another site's page.
  func response(to request: Request) async throws -> Response {
    guard WebSocketHandshake.speaksVersion(of: request.head) else {
      let failure = RookeryError(
        .badRequest, "Only version 13 of the WebSocket protocol is spoken here.", mend: "Use a WebSocket client, version 13.")
      var response = try Response.json(API.Failure(error: failure), status: .upgradeRequired)
      response.headers[.upgrade] = "websocket"
      if let name = HTTPField.Name("Sec-WebSocket-Version") { response.headers[name] = "13" }
      return response
    }
    let handshake = try WebSocketHandshake(request.head)
    if context.caller?.proof == .cookie { try OriginCheck.admitSocket(request) }
    let feed = try await sessions.feed(session)
    var headers = handshake.answer
    if let name = HTTPField.Name("Rookery-Generation") { headers[name] = "\(feed.generation)" }
    if let agreed = WebSocketHandshake.subprotocol(of: request.head, among: [Self.subprotocol]),
      let name = HTTPField.Name("Sec-WebSocket-Protocol")
    {
      headers[name] = agreed
    }
    let stream = self
    return Response(
      status: .switchingProtocols, headers: headers,
      body: ResponseBody { writer in
        await stream.run(feed, request.body)
        try await writer.finish(nil)
      })
  }

  /// Lasts as long as the connection.
  private func run(_ feed: SessionFeed, _ messages: RequestBody) async {
    let channel = context.channel
    instruments.readerCame()
    defer { instruments.readerWent() }
    do {
      try await channel.setOption(.socketOption(.so_sndbuf), value: EventSocket.kernelBuffer).get()
      try await channel.setOption(
        .writeBufferWaterMark, value: .init(low: EventSocket.queueLimit / 4, high: EventSocket.queueLimit)
      ).get()
      let group = try hub.join(feed, on: channel.eventLoop)
      defer { hub.leave(group) }
      let hello = try SessionSignal("hello", ["generation": Int64(feed.generation), "seq": feed.seq])
      let socket = try await channel.eventLoop.submit { try open(group, hello: hello) }.get()
      defer { channel.eventLoop.execute { socket.value.end() } }
      // What comes is nothing, or the end.
      for try await _ in messages {
        channel.eventLoop.execute { socket.value.close(.policyViolation) }
      }
    } catch {
      context.logger.debug("a socket ended", metadata: ["error": "\(error)"])
    }
  }

  private func open(_ group: SocketGroup, hello: SessionSignal) throws -> NIOLoopBound<EventSocket> {
    let port = try context.channel.pipeline.syncOperations.handler(type: WebSocketPort.self)
    let place = SocketPlace()
    let socket = EventSocket(port: port, group: group, after: after, pace: pace) { cursor in
      guard let socket = place.socket else { return }
      Task { await fill(socket, from: cursor, lagged: true) }
    }
    let bound = NIOLoopBound(socket, eventLoop: group.loop)
    place.socket = bound
    socket.write(hello)
    Task { await fill(bound, from: after, lagged: false) }
    return bound
  }

  /// Reads the log for a socket until it has what the others have.
  private func fill(_ socket: NIOLoopBound<EventSocket>, from after: Int64, lagged: Bool) async {
    let loop = context.channel.eventLoop
    do {
      try await loop.flatSubmit { socket.value.room() }.get()
      if lagged {
        let signal = try SessionSignal("lagged", ["after": after])
        try await loop.submit { socket.value.write(signal) }.get()
      }
      var cursor = try await sessions.cursor(session, after: after)
      while try await !loop.submit({ socket.value.settle() }).get() {
        let news = try await cursor.next()
        try await loop.flatSubmit { socket.value.write(news) }.get()
      }
    } catch let error as RookeryError where error.code != .unavailable {
      context.logger.warning("a socket could not be filled", metadata: ["cause": "\(error.message)", "context": "\(error.context)"])
      loop.execute { socket.value.close(.internalError) }
    } catch {
      context.logger.debug("a socket ended", metadata: ["error": "\(error)"])
    }
  }
}

/// Where a socket's own refill finds it. It belongs to the socket's event loop.
private final class SocketPlace {
  var socket: NIOLoopBound<EventSocket>?
}
