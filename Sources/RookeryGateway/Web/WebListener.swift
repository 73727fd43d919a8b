import Glibc
import Logging
import NIOCore
import NIOPosix
import RookeryModel

/// Accepts what a sandbox's programs believe to be connections to other hosts.
struct WebListener: Sendable {
  let connection: WebConnection
  let slots: ConnectionSlots
  let rate: RateLimit

  /// Serves until `descriptor` is closed or the task is cancelled.
  func serve(_ descriptor: Int32) async throws {
    let bounds = connection.services.bounds
    let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelOption(.autoRead, value: false)
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .bind(descriptor, serverBackPressureStrategy: .init(lowWatermark: 1, highWatermark: 2)) { channel in
        channel.eventLoop.makeCompletedFuture {
          let decided = channel.eventLoop.makePromise(of: Opening.self)
          let handler = OpeningHandler(patience: bounds.opening, decided: decided)
          try channel.pipeline.syncOperations.addHandler(handler, name: WebConnection.openingName)
          return WebConnection.Accepted(channel: channel, opening: decided.futureResult)
        }
      }
    try await server.executeThenClose { accepted in
      try await withThrowingDiscardingTaskGroup { group in
        for try await accepted in accepted {
          guard rate.take(), slots.take() else {
            connection.reset(accepted.channel)
            continue
          }
          group.addTask {
            await connection.serve(accepted)
            slots.giveBack()
          }
        }
      }
    }
  }
}

/// Answers a sandbox's questions for names over TCP.
struct StreamNames: Sendable {
  let server: NameServer
  let refusals: Refusals
  let rate: RateLimit
  let slots: ConnectionSlots

  /// Serves until `descriptor` is closed or the task is cancelled.
  func serve(_ descriptor: Int32) async throws {
    let listening = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .bind(descriptor, serverBackPressureStrategy: .init(lowWatermark: 1, highWatermark: 2)) { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(NameStreamHandler(server: server, refusals: refusals, rate: rate))
          return channel
        }
      }
    try await listening.executeThenClose { channels in
      try await withThrowingDiscardingTaskGroup { group in
        for try await channel in channels {
          guard slots.take() else {
            channel.close(promise: nil)
            continue
          }
          group.addTask {
            await withTaskCancellationHandler {
              try? await channel.closeFuture.get()
            } onCancel: {
              channel.close(promise: nil)
            }
            slots.giveBack()
          }
        }
      }
    }
  }
}
