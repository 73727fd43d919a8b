import NIOCore

/// How a connection that a sandbox made to some address begins.
enum Opening: Equatable, Sendable {
  case tls(ClientHello)
  case http
  case malformed(String)

  /// Nil until it can be told.
  init?(_ bytes: ByteBufferView) {
    guard let first = bytes.first else { return nil }
    switch first {
    case 22:
      switch ClientHello.read(Array(bytes)[...]) {
      case .hello(let hello): self = .tls(hello)
      case .incomplete: return nil
      case .malformed(let reason): self = .malformed(reason)
      }
    case 0x41...0x5a: self = .http
    default: self = .malformed("it begins neither with TLS nor with an HTTP request")
    }
  }
}

/// Holds back what a connection begins with until somebody has decided what becomes of it.
///
/// Valid transitions: waiting → decided (or failed) → removed, which passes on what was held back.
final class OpeningHandler: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer

  struct TooSlow: Error {}

  private let patience: Duration
  private let decided: EventLoopPromise<Opening>
  private var isDecided = false
  private var held = ByteBuffer()
  private var deadline: Scheduled<Void>?

  init(patience: Duration, decided: EventLoopPromise<Opening>) {
    self.patience = patience
    self.decided = decided
  }

  func handlerAdded(context: ChannelHandlerContext) {
    deadline = context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(patience)) { self.end(.failure(TooSlow())) }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var bytes = unwrapInboundIn(data)
    held.writeBuffer(&bytes)
    guard !isDecided, let opening = Opening(held.readableBytesView) else { return }
    end(.success(opening))
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    if !isDecided { context.read() }
  }

  func channelInactive(context: ChannelHandlerContext) {
    end(.failure(ChannelError.inputClosed))
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    end(.failure(error))
    context.close(promise: nil)
  }

  func removeHandler(context: ChannelHandlerContext, removalToken: ChannelHandlerContext.RemovalToken) {
    if held.readableBytes > 0 {
      context.fireChannelRead(wrapInboundOut(held))
      context.fireChannelReadComplete()
    }
    held.clear()
    context.leavePipeline(removalToken: removalToken)
  }

  func handlerRemoved(context: ChannelHandlerContext) { end(.failure(ChannelError.inputClosed)) }

  private func end(_ result: Result<Opening, any Error>) {
    guard !isDecided else { return }
    isDecided = true
    deadline?.cancel()
    decided.completeWith(result)
  }
}
