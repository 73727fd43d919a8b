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
  let refusals: Refusals
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
      guard rate.take() else { continue }
      let reply = server.reply(to: Array(bytes.prefix(count)))
      guard let answer = reply.bytes else { continue }
      if let refused = reply.refused { refuse(refused, answer, descriptor, peer) } else { Self.send(answer, descriptor, peer) }
    }
  }

  /// Answers once it is known who asked: whoever has an answer closes its socket.
  private func refuse(_ name: HostName, _ answer: [UInt8], _ descriptor: Int32, _ peer: sockaddr_in) {
    // The listener may be closed meanwhile, and its number be something else's.
    let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
    guard copy >= 0 else { return }
    Task {
      await refusals.tell(server.sandbox, name: name, peer: SandboxPeer(transport: .udp, port: Int(UInt16(bigEndian: peer.sin_port))))
      Self.send(answer, copy, peer)
      close(copy)
    }
  }

  private static func send(_ answer: [UInt8], _ descriptor: Int32, _ peer: sockaddr_in) {
    var peer = peer
    let length = socklen_t(MemoryLayout<sockaddr_in>.size)
    _ = withUnsafePointer(to: &peer) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        sendto(descriptor, answer, answer.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL), $0, length)
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
  private let refusals: Refusals
  private let rate: RateLimit
  private var pending = ByteBuffer()
  private var deadline: Scheduled<Void>?

  init(server: NameServer, refusals: Refusals, rate: RateLimit) {
    self.server = server
    self.refusals = refusals
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
      let reply = server.reply(to: message)
      guard let answer = reply.bytes else { return context.close(promise: nil) }
      if let refused = reply.refused {
        let (refusals, sandbox, peer) = (refusals, server.sandbox, SandboxPeer(context.channel))
        Task { await refusals.tell(sandbox, name: refused, peer: peer) }
      }
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
