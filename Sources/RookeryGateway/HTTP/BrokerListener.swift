import Glibc
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import RookeryModel
import Synchronization

/// Accepts a sandbox's connections on the listeners that live in its namespace. Which listener accepted is who called.
struct BrokerListener: Sendable {
  let adoption: Adoption
  let responders: [Broker: any BrokerResponder]
  let bounds: GatewayBounds
  let logger: Logger

  /// Serves until the adoption is released or the task is cancelled; everything is closed when it returns.
  func serve() async {
    defer { adoption.end() }
    let descriptors = adoption.takeDescriptors()
    let slots = ConnectionSlots(limit: bounds.connections)
    await withTaskGroup(of: Void.self) { group in
      for (broker, descriptor) in descriptors {
        group.addTask { await serve(broker, descriptor, slots) }
      }
      group.addTask { await adoption.untilReleased() }
      await group.next()
      group.cancelAll()
    }
  }

  private func serve(_ broker: Broker, _ descriptor: Int32, _ slots: ConnectionSlots) async {
    guard let responder = responders[broker] else {
      close(descriptor)
      return await adoption.untilReleased()
    }
    let accepted = AcceptedConnections(limit: bounds.connections)
    do {
      let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
        .childChannelOption(.autoRead, value: false)
        .bind(descriptor, serverBackPressureStrategy: .init(lowWatermark: 1, highWatermark: 2)) { [bounds] channel in
          channel.eventLoop.makeCompletedFuture {
            try BrokerConnection.configure(channel, bounds: bounds)
            accepted.add(channel)
            return channel
          }
        }
      try await server.executeThenClose { channels in
        try await withThrowingDiscardingTaskGroup { group in
          for try await channel in channels {
            accepted.remove(channel)
            guard slots.take() else {
              accepted.refuse(channel)
              continue
            }
            let connection = BrokerConnection(sandbox: adoption.sandbox, responder: responder, bounds: bounds, logger: logger)
            group.addTask {
              await connection.serve(channel)
              slots.giveBack()
            }
          }
        }
      }
    } catch {
      logger.debug("A listener ended.", metadata: ["sandbox": "\(adoption.sandbox)", "broker": "\(broker)", "error": "\(error)"])
    }
    accepted.close()
    // The other listener goes on until both are released.
    await adoption.untilReleased()
  }
}

/// Connections that a sandbox may have at once.
final class ConnectionSlots: Sendable {
  private let limit: Int
  private let used = Mutex(0)

  init(limit: Int) { self.limit = limit }

  func take() -> Bool {
    used.withLock { used in
      guard used < limit else { return false }
      used += 1
      return true
    }
  }

  func giveBack() { used.withLock { $0 -= 1 } }
}
