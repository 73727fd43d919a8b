import NIOCore

/// One end of a tunnel between two connections on the same event loop: what one receives the other sends, at the pace of the slower.
final class TunnelHandler: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  /// Without a byte in either direction.
  static let idle = TimeAmount.minutes(30)

  private var partner: TunnelHandler?
  private var context: ChannelHandlerContext?
  private var wantsRead = false
  private var lastUse = NIODeadline.now()

  static func pair() -> (TunnelHandler, TunnelHandler) {
    let (one, other) = (TunnelHandler(), TunnelHandler())
    one.partner = other
    other.partner = one
    return (one, other)
  }

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    watch(context)
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
    partner = nil
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    lastUse = .now()
    partner?.context?.write(data, promise: nil)
  }

  func channelReadComplete(context: ChannelHandlerContext) { partner?.context?.flush() }

  func channelInactive(context: ChannelHandlerContext) {
    partner?.context?.close(promise: nil)
    context.fireChannelInactive()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if let event = event as? ChannelEvent, event == .inputClosed { partner?.context?.close(mode: .output, promise: nil) }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable { partner?.resume() }
  }

  func read(context: ChannelHandlerContext) {
    if partner?.context?.channel.isWritable == true { context.read() } else { wantsRead = true }
  }

  private func resume() {
    guard wantsRead, let context else { return }
    wantsRead = false
    context.read()
  }

  private func watch(_ context: ChannelHandlerContext) {
    context.eventLoop.assumeIsolated().scheduleTask(in: .minutes(1)) {
      guard let context = self.context, let partner = self.partner else { return }
      if max(self.lastUse, partner.lastUse) + Self.idle < .now() { return context.close(promise: nil) }
      self.watch(context)
    }
  }
}
