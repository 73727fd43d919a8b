import NIOCore
import NIOWebSocket

/// Refuses what NIO's decoder lets through: frames of a client without a mask, and reserved bits, since no extension is agreed.
final class WebSocketFrameValidator: ChannelInboundHandler {
  typealias InboundIn = WebSocketFrame
  typealias InboundOut = WebSocketFrame

  /// The frame breaks RFC 6455, section 5.1 or 5.2.
  struct Violation: Error {}

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let frame = unwrapInboundIn(data)
    guard frame.maskKey != nil, !frame.rsv1, !frame.rsv2, !frame.rsv3 else {
      context.fireErrorCaught(Violation())
      return
    }
    context.fireChannelRead(data)
  }
}
