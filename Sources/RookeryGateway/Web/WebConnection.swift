import Glibc
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import RookeryModel

/// What connections to other hosts are served with.
struct WebServices: Sendable {
  var grants: GrantBook
  var refusals: Refusals
  var live: LiveConnections
  var git: GitBroker
  var upstream: Upstream
  var bounds: GatewayBounds
  var logger: Logger
}

/// One connection that a program in a sandbox made to some address. The name that it carries decides: TLS is passed through, or ended
/// here where what is asked matters; plain HTTP is read request by request.
struct WebConnection: Sendable {
  static let openingName = "opening"

  struct Accepted: Sendable {
    var channel: any Channel
    var opening: EventLoopFuture<Opening>
  }

  let sandbox: SandboxID
  let services: WebServices

  /// Serves it to its end.
  func serve(_ accepted: Accepted) async {
    await withTaskCancellationHandler {
      do { try await run(accepted) } catch {
        services.logger.debug("A connection of a sandbox broke.", metadata: ["sandbox": "\(sandbox)", "error": "\(error)"])
        reset(accepted.channel)
      }
    } onCancel: {
      accepted.channel.close(promise: nil)
    }
  }

  /// Ends a connection so that its peer sees a refusal, not an end.
  func reset(_ channel: any Channel) {
    guard let options = channel as? any SocketOptionProvider else { return channel.close(promise: nil) }
    options.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenComplete { _ in channel.close(promise: nil) }
  }

  private func run(_ accepted: Accepted) async throws {
    let channel = accepted.channel
    let meant = await OriginalDestination.of(channel)
    guard let port = meant?.port ?? services.bounds.undirectedPort else { return reset(channel) }
    channel.read()
    let target = meant.map { $0.address.literal } ?? "an address"
    switch try await accepted.opening.get() {
    case .malformed(let reason):
      await refuse(channel, host: target, port: port, "Only TLS and HTTP leave a sandbox: \(reason).")
    case .http:
      let responder = SiteResponder(services: services, scheme: .http, host: nil, port: port, channel: channel)
      try await http(channel, responder)
    case .tls(let hello):
      guard let given = hello.serverName, let name = HostName(given) else {
        let said = hello.serverName.map { "“\($0.printable)” is an address, not a name" } ?? "it names no host"
        return await refuse(
          channel, host: target, port: port, "TLS is let through by the name in it, but \(said).", alert: .unrecognizedName)
      }
      guard let decision = try services.grants.decision(sandbox, name, port: port) else {
        let reason = "“\(name):\(port)” is not among the hosts of this repository. \(NetworkRefusal.mend)"
        return await refuse(channel, host: name.text, port: port, reason, alert: .accessDenied)
      }
      let number = services.live.add(sandbox, name, port: port, decision) { channel.close(promise: nil) }
      defer { services.live.remove(number) }
      if decision.isIntercepted {
        try await terminate(channel, name, port)
      } else {
        try await tunnel(channel, to: name, port)
      }
    }
  }

  // MARK: Refusing

  private enum Alert: UInt8 {
    case accessDenied = 49
    case unrecognizedName = 112
  }

  private func refuse(_ channel: any Channel, host: String, port: Int, _ reason: String, alert: Alert? = nil) async {
    await services.refusals.tell(sandbox, host: host, port: port, reason: reason, peer: SandboxPeer(channel))
    services.logger.info("Refused a connection.", metadata: ["sandbox": "\(sandbox)", "host": "\(host.printable)", "port": "\(port)"])
    guard let alert else { return reset(channel) }
    // A fatal alert (RFC 8446, section 6): clients tell people more about it than about a reset.
    channel.writeAndFlush(ByteBuffer(bytes: [21, 3, 3, 0, 2, 2, alert.rawValue])).whenComplete { _ in channel.close(promise: nil) }
  }

  // MARK: Passing TLS through

  private func tunnel(_ channel: any Channel, to name: HostName, _ port: Int) async throws {
    let remote: any Channel
    do { remote = try await dial(name, port, on: channel.eventLoop) } catch {
      let known = error as? RookeryError
      if known?.code == .forbidden {
        return await refuse(channel, host: name.text, port: port, known?.description ?? "", alert: .accessDenied)
      }
      throw error
    }
    try await channel.eventLoop.submit {
      let (near, far) = TunnelHandler.pair()
      try remote.pipeline.syncOperations.addHandler(far)
      try channel.pipeline.syncOperations.addHandler(near)
      try channel.syncOptions?.setOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 1 << 18))
      try channel.syncOptions?.setOption(.writeBufferWaterMark, value: .init(low: 1 << 18, high: 1 << 20))
    }.get()
    try await channel.pipeline.removeHandler(name: Self.openingName).get()
    try await channel.setOption(.autoRead, value: true).get()
    try await remote.setOption(.autoRead, value: true).get()
    try? await channel.closeFuture.get()
    remote.close(promise: nil)
  }

  /// Connects to the first address of `name` that may be dialled and answers.
  private func dial(_ name: HostName, _ port: Int, on loop: any EventLoop) async throws -> any Channel {
    let addresses = try await services.upstream.addresses(
      of: RemoteURL(scheme: .https, name: name, port: port), privateHosts: services.grants.privateHosts(sandbox))
    var failure: (any Error)?
    for address in addresses {
      do {
        return try await ClientBootstrap(group: loop)
          .connectTimeout(TimeAmount(services.upstream.timeouts.connect))
          .channelOption(.autoRead, value: false)
          .channelOption(.allowRemoteHalfClosure, value: true)
          .channelOption(.tcpOption(.tcp_nodelay), value: 1)
          .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 1 << 18))
          .channelOption(.writeBufferWaterMark, value: .init(low: 1 << 18, high: 1 << 20))
          .connect(host: address.description, port: port).get()
      } catch {
        failure = error
      }
    }
    throw failure ?? RookeryError(.unavailable, "“\(name)” cannot be reached.")
  }

  // MARK: Reading requests

  private func terminate(_ channel: any Channel, _ name: HostName, _ port: Int) async throws {
    guard let context = services.grants.certificate(sandbox) else {
      return await refuse(
        channel, host: name.text, port: port, "The server has no certificate for “\(name)”.", alert: .accessDenied)
    }
    try await channel.eventLoop.submit {
      let opening = try channel.pipeline.syncOperations.context(name: Self.openingName).handler
      guard let opening = opening as? OpeningHandler else { throw ChannelError.inputClosed }
      try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context), position: .after(opening))
    }.get()
    let responder = SiteResponder(services: services, scheme: .https, host: name, port: port, channel: channel)
    try await http(channel, responder)
  }

  private func http(_ channel: any Channel, _ responder: SiteResponder) async throws {
    try await channel.eventLoop.submit { try BrokerConnection.configure(channel, bounds: services.bounds) }.get()
    let connection = BrokerConnection(
      sandbox: sandbox, responder: responder, bounds: services.bounds, logger: services.logger, rules: .site,
      heldBack: Self.openingName)
    await connection.serve(channel)
  }
}

extension SandboxPeer {
  /// The program's end of a connection; nil once it is closed.
  init?(_ channel: any Channel) {
    guard let port = channel.remoteAddress?.port else { return nil }
    self.init(transport: .tcp, port: port)
  }
}
