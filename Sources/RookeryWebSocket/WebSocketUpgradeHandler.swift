import HTTPTypes
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import NIOWebSocket

/// Turns a route's answer with status 101 into a WebSocket, on any request of a connection that is kept alive.
///
/// One for each connection, after NIO's HTTP codec. The request's end is held until the verdict: after a 101 the request's body goes
/// on, one part a message (see `WebSocketMessageHandler`), so that the route reads and writes messages as it would a body.
package final class WebSocketUpgradeHandler: ChannelDuplexHandler, RemovableChannelHandler {
  package typealias InboundIn = HTTPRequestPart
  package typealias InboundOut = HTTPRequestPart
  package typealias OutboundIn = HTTPResponsePart
  package typealias OutboundOut = HTTPResponsePart

  private enum State {
    case http
    /// A request asked to upgrade; its end is held when it has come.
    case asked(end: HTTPRequestPart?)
    /// NIO's decoder parses nothing after a request with `Upgrade`, so the connection ends with the refusal.
    case refused
    case upgraded
  }

  private let maximumMessage: Int
  private let prepare: (ChannelPipeline.SynchronousOperations) throws -> Void
  private var state = State.http

  /// Messages of a client are at most `maximumMessage` bytes; a longer one closes the socket with 1009. `prepare` takes away what
  /// watched over the connection as HTTP.
  package init(maximumMessage: Int, prepare: @escaping (ChannelPipeline.SynchronousOperations) throws -> Void = { _ in }) {
    self.maximumMessage = maximumMessage
    self.prepare = prepare
  }

  package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let part = unwrapInboundIn(data)
    switch (state, part) {
    case (.http, .head(let head)) where head.headerFields[.upgrade] != nil:
      state = .asked(end: nil)
      context.fireChannelRead(data)
    case (.asked, .end):
      state = .asked(end: part)
    default:
      context.fireChannelRead(data)
    }
  }

  package func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    switch (state, unwrapOutboundIn(data)) {
    case (.asked, .head(let head)) where head.status == .switchingProtocols:
      state = .upgraded
      context.writeAndFlush(data, promise: promise)
      upgrade(context)
    case (.asked(let end), .head(var head)) where head.status.kind != .informational:
      state = .refused
      head.headerFields[.connection] = "close"
      context.write(wrapOutboundOut(.head(head)), promise: promise)
      if let end { context.fireChannelRead(wrapInboundOut(end)) }
    case (.refused, .end):
      context.writeAndFlush(data, promise: promise)
      context.close(promise: nil)
    default:
      context.write(data, promise: promise)
    }
  }

  private func upgrade(_ context: ChannelHandlerContext) {
    do {
      let pipeline = context.pipeline.syncOperations
      let codec = try pipeline.context(handlerType: HTTP1ToHTTPServerCodec.self)
      let encoder = try pipeline.context(handlerType: HTTPResponseEncoder.self)
      let decoder = try pipeline.context(handlerType: ByteToMessageHandler<HTTPRequestDecoder>.self)
      try pipeline.addHandlers(handlers(), position: .after(codec.handler))
      try prepare(pipeline)
      for old in [codec, encoder, decoder] { pipeline.removeHandler(context: old, promise: nil) }
    } catch {
      context.fireErrorCaught(error)
      context.close(promise: nil)
    }
  }

  private func handlers() -> [any ChannelHandler] {
    let port = WebSocketPort()
    return [
      port,
      WebSocketFrameEncoder(),
      ByteToMessageHandler(WebSocketFrameDecoder(maxFrameSize: maximumMessage)),
      WebSocketProtocolErrorHandler(),
      WebSocketFrameValidator(),
      NIOWebSocketFrameAggregator(
        minNonFinalFragmentSize: 0, maxAccumulatedFrameCount: 1024, maxAccumulatedFrameSize: maximumMessage),
      WebSocketMessageHandler(port: port),
    ]
  }
}
