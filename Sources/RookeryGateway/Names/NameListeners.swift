import Dispatch
import Glibc
import Logging
import NIOCore
import NIOPosix
import RookeryModel

/// Answers a sandbox's questions over UDP.
struct DatagramNames: Sendable {
  /// Datagrams in a row before others get their turn.
  private static let turn = 64

  let server: NameServer
  let rate: RateLimit

  /// Serves on `descriptor`, which it closes in the end, until the task is cancelled.
  func serve(_ descriptor: Int32) async {
    let readable = ReadableDescriptor(descriptor, label: "rookery.names")
    await readable.serve { receive($0) }
  }

  private func receive(_ descriptor: Int32) {
    var bytes = [UInt8](repeating: 0, count: DNSQuestion.lengthLimit + 1)
    for _ in 0..<Self.turn {
      var peer = sockaddr_in()
      var length = socklen_t(MemoryLayout<sockaddr_in>.size)
      let count = withUnsafeMutablePointer(to: &peer) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          recvfrom(descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT), $0, &length)
        }
      }
      guard count >= 0 else { return }
      // A flood is read and forgotten.
      guard rate.take(), let answer = server.answer(Array(bytes.prefix(count))) else { continue }
      _ = withUnsafePointer(to: &peer) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          sendto(descriptor, answer, answer.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL), $0, length)
        }
      }
    }
  }
}

/// A descriptor that is read whenever something is there, on a queue of its own.
struct ReadableDescriptor: Sendable {
  private let descriptor: Int32
  private let queue: DispatchQueue

  init(_ descriptor: Int32, label: String) {
    self.descriptor = descriptor
    queue = DispatchQueue(label: label)
  }

  /// Calls `receive` until the task is cancelled, then closes the descriptor. `receive` must not block.
  func serve(_ receive: @escaping @Sendable (Int32) -> Void) async {
    let ended = ChangeSignal()
    let source = DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: queue)
    source.setEventHandler { [descriptor] in receive(descriptor) }
    source.setCancelHandler { [descriptor] in
      close(descriptor)
      ended.notify()
    }
    source.activate()
    let forever = ChangeSignal()
    await forever.wait(past: 0)
    source.cancel()
    await Task { await ended.wait(past: 0) }.value
  }
}

/// One connection of a sandbox to its name server (RFC 7766): questions framed by their length, answered in order.
final class NameStreamHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private static let patience = TimeAmount.seconds(10)

  private let server: NameServer
  private let rate: RateLimit
  private var pending = ByteBuffer()
  private var deadline: Scheduled<Void>?

  init(server: NameServer, rate: RateLimit) {
    self.server = server
    self.rate = rate
  }

  func handlerAdded(context: ChannelHandlerContext) { restart(context) }

  func handlerRemoved(context: ChannelHandlerContext) { deadline?.cancel() }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var bytes = unwrapInboundIn(data)
    pending.writeBuffer(&bytes)
    while let length = pending.getInteger(at: pending.readerIndex, as: UInt16.self) {
      guard length <= DNSQuestion.lengthLimit, rate.take() else { return context.close(promise: nil) }
      guard let message = pending.getBytes(at: pending.readerIndex + 2, length: Int(length)) else { break }
      pending.moveReaderIndex(forwardBy: 2 + Int(length))
      guard let answer = server.answer(message) else { return context.close(promise: nil) }
      var out = context.channel.allocator.buffer(capacity: answer.count + 2)
      out.writeInteger(UInt16(answer.count))
      out.writeBytes(answer)
      context.writeAndFlush(wrapOutboundOut(out), promise: nil)
      restart(context)
    }
    pending.discardReadBytes()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

  private func restart(_ context: ChannelHandlerContext) {
    deadline?.cancel()
    deadline = context.eventLoop.assumeIsolated().scheduleTask(in: Self.patience) { context.close(promise: nil) }
  }
}
