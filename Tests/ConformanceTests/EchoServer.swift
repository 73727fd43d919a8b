import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import RookeryModel
import RookeryTestSupport
import RookeryWebSocket

/// A server whose route `/ws` sends every message back, for holding our WebSocket against the standard.
enum EchoServer {
  /// Messages are at most this long.
  static let maximumMessage = 1 << 20

  /// Runs `body` beside a server, with its port.
  static func run(_ body: @escaping @Sendable (Int) async throws -> Void) async throws {
    let router = Router()
    router.get("/health") { _, _ in "ok" }
    router.get("/private") { _, _ -> Response in throw HTTPError(.unauthorized) }
    router.get("/ws") { request, _ -> Response in
      let handshake: WebSocketHandshake
      do { handshake = try WebSocketHandshake(request.head) } catch { throw HTTPError(.badRequest) }
      return Response(
        status: .switchingProtocols, headers: handshake.answer,
        body: ResponseBody { writer in
          for try await message in request.body { try await writer.write(message) }
          try await writer.finish(nil)
        })
    }
    let (ports, report) = AsyncStream<Int>.makeStream()
    var logger = Logger(label: "echo")
    logger.logLevel = .critical
    let application = Application(
      responder: router.buildResponder(),
      server: .http1(
        configuration: HTTP1Channel.Configuration(
          additionalChannelHandlers: [WebSocketUpgradeHandler(maximumMessage: maximumMessage)])),
      configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: 0)),
      onServerRunning: { report.yield($0.localAddress?.port ?? 0) }, logger: logger)
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { try await application.run() }
      guard let port = await ports.first(where: { _ in true }) else { return }
      defer { tasks.cancelAll() }
      try await body(port)
    }
  }
}
