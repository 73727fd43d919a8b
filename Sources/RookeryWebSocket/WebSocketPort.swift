import NIOCore
import NIOHTTPTypes

/// A WebSocket's way out for frames that are encoded already, so that one message is encoded once however many sockets it goes to.
///
/// It stands outside the frame encoder and belongs to the connection's event loop, where everything of it must be called.
package final class WebSocketPort: ChannelInboundHandler {
  package typealias InboundIn = ByteBuffer

  private var context: ChannelHandlerContext?
  /// Set when a close frame went out: nothing may follow it.
  var hasClosed = false
  /// When the peer last sent anything, a pong for instance.
  package private(set) var lastHeard = NIODeadline.now()
  /// Called when the connection can take more again, and when it is over.
  package var onChange: (() -> Void)?

  package init() {}

  package func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  package func handlerRemoved(context: ChannelHandlerContext) { end() }

  package func channelInactive(context: ChannelHandlerContext) {
    end()
    context.fireChannelInactive()
  }

  package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    lastHeard = .now()
    context.fireChannelRead(data)
  }

  package func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable { onChange?() }
    context.fireChannelWritabilityChanged()
  }

  private func end() {
    context = nil
    onChange?()
  }

  /// Whether frames still go anywhere.
  package var isOpen: Bool { context != nil && !hasClosed }

  /// Whether the connection's queue is below its bound.
  package var isWritable: Bool { context?.channel.isWritable ?? false }

  /// Bytes that wait for the kernel to take them.
  package var queued: Int { (try? context?.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0 }

  /// Sends whole frames at once; they vanish when the connection is over.
  package func write(_ frames: ByteBuffer) {
    guard isOpen, let context else { return }
    context.writeAndFlush(NIOAny(frames), promise: nil)
  }

  /// Asks the peer for a sign of life.
  package func ping() { write(ByteBuffer(bytes: [0x89, 0x00])) }

  /// Says why, and then closes. Nothing happens when it is closing already.
  package func close(_ code: WebSocketCloseCode) {
    guard isOpen, let context else { return }
    var part = ByteBuffer(bytes: [8])
    part.writeInteger(code.rawValue)
    context.channel.writeAndFlush(HTTPResponsePart.body(part), promise: nil)
  }

  /// Ends the connection without a word: the peer takes nothing.
  package func abort() { context?.channel.close(mode: .all, promise: nil) }
}
