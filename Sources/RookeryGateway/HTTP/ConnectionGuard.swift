import NIOCore
import NIOHTTP1

/// Closes a connection whose peer is too slow: to send a request's head, the next bytes of its body, or to read its answer.
///
/// It stands between the HTTP codec and the reader. A body may pause as long as the reader does; only while bytes are asked for
/// does the clock run.
final class ConnectionGuard: ChannelDuplexHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias InboundOut = HTTPServerRequestPart
  typealias OutboundIn = HTTPServerResponsePart
  typealias OutboundOut = HTTPServerResponsePart

  private enum Phase { case head, body, answer }

  private let bounds: GatewayBounds
  private var phase = Phase.head
  private var answered = false
  private var head: Scheduled<Void>?
  private var stall: Scheduled<Void>?
  private var write: Scheduled<Void>?

  init(bounds: GatewayBounds) { self.bounds = bounds }

  func handlerAdded(context: ChannelHandlerContext) { head = close(context, in: bounds.requestHead) }

  func handlerRemoved(context: ChannelHandlerContext) { cancelAll() }

  func channelInactive(context: ChannelHandlerContext) {
    cancelAll()
    context.fireChannelInactive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    stall?.cancel()
    stall = nil
    switch unwrapInboundIn(data) {
    case .head:
      head?.cancel()
      head = nil
      (phase, answered) = (.body, false)
    case .body: break
    case .end:
      phase = .answer
      if answered { awaitNext(context) }
    }
    context.fireChannelRead(data)
  }

  func read(context: ChannelHandlerContext) {
    if phase == .body && stall == nil { stall = close(context, in: bounds.bodyStall) }
    context.read()
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    if case .end = unwrapOutboundIn(data) {
      answered = true
      if phase == .answer { awaitNext(context) }
    }
    context.write(data, promise: promise)
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    write?.cancel()
    write = context.channel.isWritable ? nil : close(context, in: bounds.writeStall)
    context.fireChannelWritabilityChanged()
  }

  private func awaitNext(_ context: ChannelHandlerContext) {
    phase = .head
    head?.cancel()
    head = close(context, in: bounds.requestHead)
  }

  private func close(_ context: ChannelHandlerContext, in time: Duration) -> Scheduled<Void> {
    context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(time)) { context.close(promise: nil) }
  }

  private func cancelAll() {
    head?.cancel()
    stall?.cancel()
    write?.cancel()
    (head, stall, write) = (nil, nil, nil)
  }
}
