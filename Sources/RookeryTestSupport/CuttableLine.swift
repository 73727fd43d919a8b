import Foundation
import NIOCore
import NIOPosix
import Synchronization

/// A TCP line to a server on loopback that a test can cut and mend: what a broken network looks like to a client.
package final class CuttableLine: Sendable {
  /// The port to connect to.
  package let port: Int
  private let listener: any Channel
  private let ends: LineEnds

  package init(to target: Int) async throws {
    let ends = LineEnds()
    self.ends = ends
    listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { near in
        guard ends.add(near) else { return near.close() }
        return ClientBootstrap(group: near.eventLoop).connect(host: "127.0.0.1", port: target).flatMap { far in
          guard ends.add(far) else { return near.close() }
          return near.pipeline.addHandler(LineEnd(other: far)).and(far.pipeline.addHandler(LineEnd(other: near))).map { _ in }
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    port = listener.localAddress?.port ?? 0
  }

  /// Breaks every connection; new ones are closed at once until `mend()`.
  package func cut() { ends.cut() }

  package func mend() { ends.mend() }

  package func close() async {
    ends.cut()
    try? await listener.close()
  }
}

/// The connections of a line.
private final class LineEnds: Sendable {
  private let state = Mutex((isCut: false, channels: [any Channel]()))

  /// False when the line is cut.
  func add(_ channel: any Channel) -> Bool {
    state.withLock { state in
      if !state.isCut { state.channels.append(channel) }
      return !state.isCut
    }
  }

  func cut() {
    let channels = state.withLock { state in
      defer { state = (true, []) }
      return state.channels
    }
    for channel in channels { channel.close(promise: nil) }
  }

  func mend() { state.withLock { $0.isCut = false } }
}

/// Passes what one connection reads on to the other.
private final class LineEnd: ChannelInboundHandler, Sendable {
  typealias InboundIn = ByteBuffer
  private let other: any Channel

  init(other: any Channel) { self.other = other }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) { other.writeAndFlush(unwrapInboundIn(data), promise: nil) }
  func channelInactive(context: ChannelHandlerContext) { other.close(promise: nil) }
}
