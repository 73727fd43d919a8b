import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import NIOWebSocket
import RookeryModel

/// Connects out to a WebSocket, over TLS or plain TCP.
package struct WebSocketClient: Sendable {
  fileprivate typealias Frames = NIOAsyncChannel<WebSocketFrame, WebSocketFrame>
  private enum Upgrade: Sendable {
    case webSocket(Frames)
    /// The status of the answer, once it is read.
    case refused(EventLoopFuture<Int?>)
  }

  private let trustRoots: NIOSSLTrustRoots
  private let maximumMessage: Int
  private let connectTimeout: TimeAmount

  /// - Parameters:
  ///   - maximumMessage: bytes of one message of the server's; a longer one fails the connection.
  ///   - authorities: a PEM file of the only authorities to trust; nil: the system's.
  package init(maximumMessage: Int = 4 << 20, authorities: String? = nil, connectTimeout: Duration = .seconds(10)) {
    self.maximumMessage = maximumMessage
    trustRoots = authorities.map { .file($0) } ?? .default
    self.connectTimeout = TimeAmount(connectTimeout)
  }

  /// Connects to a `ws:` or `wss:` address, runs `body` with what comes and a writer, and closes the connection when it returns.
  ///
  /// Pings of the server are answered while `body` reads. Throws `unavailable` when the connection or the upgrade fails, `badRequest` for
  /// an address that is none. Texts never hold the address's query: it may be a secret.
  package func connect<Result: Sendable>(
    to address: String, headers: [String: String] = [:],
    _ body: @Sendable (WebSocketMessages, WebSocketWriter) async throws -> Result
  ) async throws -> Result {
    guard let url = URL(string: address), let scheme = url.scheme, ["ws", "wss"].contains(scheme), let host = url.host(), !host.isEmpty
    else { throw RookeryError(.badRequest, "That is no address of a WebSocket.", mend: "It begins with ws:// or wss://.") }
    let frames: Frames
    do {
      switch try await open(url, host: host, isSecure: scheme == "wss", headers: headers) {
      case .webSocket(let channel): frames = channel
      case .refused(let status):
        let code = try await status.get()
        throw RookeryError(
          .unavailable, "\(host) refused the WebSocket\(code.map { " with status \($0)" } ?? "").", mend: "Try again.")
      }
    } catch let error as RookeryError {
      throw error
    } catch let error where !(error is CancellationError) {
      throw RookeryError(.unavailable, "\(host) can't be reached.", mend: "Try again.", context: "\(error)")
    }
    return try await frames.executeThenClose { inbound, outbound in
      let writer = WebSocketWriter(outbound: outbound)
      return try await body(WebSocketMessages(inbound: inbound, writer: writer), writer)
    }
  }

  private func open(_ url: URL, host: String, isSecure: Bool, headers: [String: String]) async throws -> Upgrade {
    let port = url.port ?? (isSecure ? 443 : 80)
    var tls = TLSConfiguration.makeClientConfiguration()
    tls.trustRoots = trustRoots
    tls.applicationProtocols = ["http/1.1"]
    let context = isSecure ? try NIOSSLContext(configuration: tls) : nil
    let path = url.path(percentEncoded: true)
    let target = (path.isEmpty ? "/" : path) + (url.query(percentEncoded: true).map { "?\($0)" } ?? "")
    var fields = HTTPHeaders(headers.map { ($0.key, $0.value) })
    fields.replaceOrAdd(name: "Host", value: url.port == nil ? host : "\(host):\(port)")
    let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: target, headers: fields)
    let maximumMessage = maximumMessage
    let upgrade: EventLoopFuture<Upgrade> = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .connectTimeout(connectTimeout)
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .connect(host: host, port: port) { channel in
        channel.eventLoop.makeCompletedFuture {
          if let context {
            try channel.pipeline.syncOperations.addHandler(NIOSSLClientHandler(context: context, serverHostname: Self.name(host)))
          }
          return try Self.configure(channel, head: head, maximumMessage: maximumMessage)
        }
      }
    return try await upgrade.get()
  }

  /// The server's name for TLS; an address is none.
  private static func name(_ host: String) -> String? {
    let isAddress = (try? SocketAddress(ipAddress: host, port: 0)) != nil
    return isAddress ? nil : host
  }

  private static func configure(
    _ channel: any Channel, head: HTTPRequestHead, maximumMessage: Int
  ) throws -> EventLoopFuture<Upgrade> {
    let upgrader = NIOTypedWebSocketClientUpgrader<Upgrade>(
      maxFrameSize: maximumMessage,
      upgradePipelineHandler: { channel, _ in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandlers([
            WebSocketProtocolErrorHandler(isServer: false),
            NIOWebSocketFrameAggregator(
              minNonFinalFragmentSize: 0, maxAccumulatedFrameCount: 1024, maxAccumulatedFrameSize: maximumMessage),
          ])
          return .webSocket(try Frames(wrappingChannelSynchronously: channel))
        }
      })
    return try channel.pipeline.syncOperations.configureUpgradableHTTPClientPipeline(
      configuration: .init(
        upgradeConfiguration: .init(upgradeRequestHead: head, upgraders: [upgrader]) { channel in
          channel.eventLoop.makeCompletedFuture {
            let reader = RefusalReader(channel.eventLoop.makePromise(of: Int?.self))
            try channel.pipeline.syncOperations.addHandler(reader)
            return .refused(reader.status.futureResult)
          }
        }))
  }
}

/// Reads the status of an answer that is no upgrade, and closes the connection.
private final class RefusalReader: ChannelInboundHandler {
  typealias InboundIn = HTTPClientResponsePart
  let status: EventLoopPromise<Int?>
  private var isKnown = false

  init(_ status: EventLoopPromise<Int?>) { self.status = status }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard case .head(let head) = unwrapInboundIn(data) else { return }
    finish(Int(head.status.code))
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) { finish(nil) }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    finish(nil)
    context.close(promise: nil)
  }

  private func finish(_ code: Int?) {
    guard !isKnown else { return }
    isKnown = true
    status.succeed(code)
  }
}
