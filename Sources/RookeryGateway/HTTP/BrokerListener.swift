import Glibc
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import RookeryModel
import Synchronization

/// Serves the sockets that live in a sandbox's namespace. Which socket it came to is who called, and for what.
struct BrokerListener: Sendable {
  let adoption: Adoption
  let responders: [Broker: any BrokerResponder]
  let web: WebServices
  let bounds: GatewayBounds
  let logger: Logger

  /// Serves until the adoption is released or the task is cancelled; everything is closed when it returns.
  func serve() async {
    defer { adoption.end() }
    let descriptors = adoption.takeDescriptors()
    let slots = ConnectionSlots(limit: bounds.connections)
    let names = NameServer(sandbox: adoption.sandbox, grants: web.grants)
    await withTaskGroup(of: Void.self) { group in
      for (kind, descriptor) in descriptors {
        group.addTask { await serve(kind, descriptor, slots, names) }
      }
      group.addTask { await adoption.untilReleased() }
      await group.next()
      group.cancelAll()
    }
    await web.refusals.forget(adoption.sandbox)
  }

  private func serve(_ kind: SandboxSocket, _ descriptor: Int32, _ slots: ConnectionSlots, _ names: NameServer) async {
    do {
      switch kind {
      case .git: return await serve(.git, descriptor, slots)
      case .model: return await serve(.model, descriptor, slots)
      case .web:
        let connection = WebConnection(sandbox: adoption.sandbox, services: web)
        let rate = RateLimit(perSecond: bounds.newConnections, burst: bounds.newConnections * 5)
        try await WebListener(connection: connection, slots: slots, rate: rate).serve(descriptor)
      case .names:
        let rate = RateLimit(perSecond: bounds.questionsPerSecond, burst: bounds.questionsPerSecond * 2)
        try await StreamNames(server: names, refusals: web.refusals, rate: rate, slots: ConnectionSlots(limit: 16)).serve(descriptor)
      case .datagrams:
        let rate = RateLimit(perSecond: bounds.questionsPerSecond, burst: bounds.questionsPerSecond * 2)
        await DatagramNames(server: names, refusals: web.refusals, rate: rate).serve(descriptor)
      case .rejections:
        await RejectionLog(sandbox: adoption.sandbox, names: names, refusals: web.refusals).serve(descriptor)
      }
    } catch {
      logger.debug("A listener ended.", metadata: ["sandbox": "\(adoption.sandbox)", "socket": "\(kind)", "error": "\(error)"])
    }
    await adoption.untilReleased()
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
