import NIOCore
import NIOHTTPTypes
import NIOWebSocket

/// One message is one part of the HTTP body in either direction: its first byte is the opcode (1 text, 2 binary, 8 close), the
/// payload follows. Pings and closes are answered here, so that neither reaches a route nor wakes a session.
final class WebSocketMessageHandler: ChannelDuplexHandler {
  typealias InboundIn = WebSocketFrame
  typealias InboundOut = HTTPRequestPart
  typealias OutboundIn = HTTPResponsePart
  typealias OutboundOut = WebSocketFrame

  /// How long the peer has to answer our close.
  private static let closeTimeout = TimeAmount.seconds(5)

  private let port: WebSocketPort
  private var hasSentClose = false
  private var hasReceivedClose = false

  init(port: WebSocketPort) { self.port = port }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !hasReceivedClose else { return }
    let frame = unwrapInboundIn(data)
    let payload = frame.unmaskedData
    switch frame.opcode {
    case .text, .binary: receive(payload, isText: frame.opcode == .text, context)
    case .ping:
      guard !hasSentClose else { return }
      context.writeAndFlush(wrapOutboundOut(WebSocketFrame(fin: true, opcode: .pong, data: payload)), promise: nil)
    case .pong: break
    case .connectionClose: receiveClose(payload, context)
    default: fail(.protocolError, context)
    }
  }

  private func receive(_ payload: ByteBuffer, isText: Bool, _ context: ChannelHandlerContext) {
    if isText, String(validating: payload.readableBytesView, as: UTF8.self) == nil {
      return fail(.inconsistentData, context)
    }
    var part = context.channel.allocator.buffer(capacity: payload.readableBytes + 1)
    part.writeInteger(isText ? UInt8(1) : 2)
    part.writeImmutableBuffer(payload)
    context.fireChannelRead(wrapInboundOut(.body(part)))
  }

  private func receiveClose(_ payload: ByteBuffer, _ context: ChannelHandlerContext) {
    switch WebSocketCloseCode.judge(payload.readableBytesView) {
    case .refuse(let code): fail(code, context)
    case .answer(let code):
      hasReceivedClose = true
      context.fireChannelRead(wrapInboundOut(.end(nil)))
      if hasSentClose { context.close(promise: nil) } else { sendClose(Self.payload(code), context, promise: nil) }
    }
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    switch unwrapOutboundIn(data) {
    case .head: promise?.fail(ChannelError.operationUnsupported)
    case .body(var buffer):
      guard !hasSentClose, let code = buffer.readInteger(as: UInt8.self), let opcode = WebSocketOpcode(encodedWebSocketOpcode: code)
      else {
        promise?.fail(ChannelError.outputClosed)
        return
      }
      if opcode == .connectionClose { return sendClose(buffer, context, promise: promise) }
      context.write(wrapOutboundOut(WebSocketFrame(fin: true, opcode: opcode, data: buffer)), promise: promise)
    case .end:
      sendClose(Self.payload(WebSocketCloseCode.normal.rawValue), context, promise: promise)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    switch error {
    case NIOWebSocketFrameAggregator.Error.accumulatedFrameSizeIsTooLarge: fail(.tooBig, context)
    case is NIOWebSocketFrameAggregator.Error, is WebSocketFrameValidator.Violation: fail(.protocolError, context)
    default: context.fireErrorCaught(error)
    }
  }

  /// Nothing more is read from a peer that broke the protocol.
  private func fail(_ code: WebSocketCloseCode, _ context: ChannelHandlerContext) {
    guard !hasReceivedClose else { return }
    hasReceivedClose = true
    context.fireChannelRead(wrapInboundOut(.end(nil)))
    if hasSentClose { context.close(promise: nil) } else { sendClose(Self.payload(code.rawValue), context, promise: nil) }
  }

  private func sendClose(_ payload: ByteBuffer, _ context: ChannelHandlerContext, promise: EventLoopPromise<Void>?) {
    guard !hasSentClose else {
      promise?.succeed()
      return
    }
    hasSentClose = true
    port.hasClosed = true
    let sent = promise ?? context.eventLoop.makePromise(of: Void.self)
    context.writeAndFlush(wrapOutboundOut(WebSocketFrame(fin: true, opcode: .connectionClose, data: payload)), promise: sent)
    let bound = context.loopBound
    if hasReceivedClose {
      sent.futureResult.whenComplete { _ in bound.value.close(promise: nil) }
    } else {
      context.eventLoop.assumeIsolated().scheduleTask(in: Self.closeTimeout) { bound.value.close(promise: nil) }
    }
  }

  private static func payload(_ code: UInt16?) -> ByteBuffer {
    guard let code else { return ByteBuffer() }
    return ByteBuffer(integer: code)
  }
}
