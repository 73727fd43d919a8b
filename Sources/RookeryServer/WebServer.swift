import Foundation
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import RookeryConfiguration
import RookeryModel
import ServiceLifecycle
import Synchronization

/// The HTTP server: the API and the web page, on TCP and on a Unix socket at once.
///
/// A `Service`: run it in a `ServiceGroup`, or with `run()` in a task that is cancelled to stop it. On shutdown no connection is
/// accepted any more, streams end, and requests get two seconds to finish.
package struct WebServer: Service {
  /// Where it listens.
  package struct Addresses: Sendable {
    package var host: String
    /// 0: any free port; `onListening` says which.
    package var port: Int
    /// The path of the Unix socket; anyone may connect, and the peer's uid says who they are. Nil: none.
    package var socket: String?

    package init(host: String, port: Int, socket: String?) {
      self.host = host
      self.port = port
      self.socket = socket
    }
  }

  private let context: ServerContext
  private let addresses: Addresses
  private let logger: Logger
  private let pace: EventStreamPace
  private let onListening: @Sendable (_ port: Int) async -> Void

  /// `onListening` is called once, when both the port and the socket accept connections, with the port.
  package init(
    _ context: ServerContext, addresses: Addresses, logger: Logger,
    onListening: @escaping @Sendable (_ port: Int) async -> Void = { _ in }
  ) {
    self.init(context, addresses: addresses, logger: logger, pace: EventStreamPace(), onListening: onListening)
  }

  init(
    _ context: ServerContext, addresses: Addresses, logger: Logger, pace: EventStreamPace,
    onListening: @escaping @Sendable (_ port: Int) async -> Void
  ) {
    self.context = context
    self.addresses = addresses
    self.logger = logger
    self.pace = pace
    self.onListening = onListening
  }

  /// Serves until shutdown; throws `unavailable` when it can't listen.
  package func run() async throws {
    let listening = ListeningState(awaited: addresses.socket == nil ? 1 : 2, report: onListening)
    let responder = Self.routes(context, pace: pace).router.buildResponder()
    var services: [any Service] = [
      Application(
        responder: responder, server: .http1(configuration: Self.connections),
        configuration: ApplicationConfiguration(
          address: .hostname(addresses.host, port: addresses.port),
          availableConnectionsDelegate: MaximumAvailableConnections(Self.connectionLimit)),
        onServerRunning: { await listening.add(port: $0.localAddress?.port) }, logger: logger)
    ]
    if let socket = addresses.socket {
      services.append(
        Application(
          responder: responder, server: .http1(configuration: Self.connections),
          configuration: ApplicationConfiguration(address: .unixDomainSocket(path: socket)),
          onServerRunning: { [logger] _ in
            // The peer's uid decides who may do what; the file's mode decides nothing.
            if chmod(socket, 0o666) != 0 { logger.error("chmod of the API socket failed", metadata: ["errno": "\(errno)"]) }
            await listening.add(port: nil)
          }, logger: logger))
    }
    var configuration = ServiceGroupConfiguration(services: services, gracefulShutdownSignals: [], logger: logger)
    configuration.maximumGracefulShutdownDuration = .seconds(2)
    do {
      try await ServiceGroup(configuration: configuration).run()
    } catch  where !listening.isComplete && !(error is CancellationError) {
      throw RookeryError(
        .unavailable, "The server can't listen on \(addresses.host):\(addresses.port): \(error).",
        mend: "See what else uses the address, or set server.port in the configuration.", context: String(reflecting: error))
    }
    if let socket = addresses.socket { unlink(socket) }
  }

  /// Connections over TCP at once; more wait to be accepted. The Unix socket stays reachable beside them.
  private static let connectionLimit = 2000

  /// A connection that sends nothing for a minute is closed; headers are bounded.
  private static var connections: HTTP1Channel.Configuration {
    HTTP1Channel.Configuration(
      idleTimeout: .seconds(60),
      httpDecoderConfiguration: .init(maxHeaderFieldSize: 16 << 10, maxHeaderListSize: 32 << 10, maxHeaderFieldCount: 100))
  }

  /// All routes behind all middleware.
  static func routes(_ context: ServerContext, pace: EventStreamPace = EventStreamPace()) -> RouteTable {
    let router = Router(context: RookeryRequestContext.self)
    let cookie = SessionCookie(context.configuration.server)
    let failedLogins = FailedLogins()
    router.addMiddleware {
      RequestLogging()
      SecurityHeaders()
      ErrorAnswers()
      HostCheck(names: HostNames(context.configuration.server))
      Authentication(registry: context.registry, cookie: cookie, failedLogins: failedLogins, localUsers: context.localUsers)
    }
    var routes = RouteTable(router: router, visibility: context.visibility)
    StatusRoutes.add(to: &routes, context)
    RepositoryRoutes.add(to: &routes, context)
    WarmRoutes.add(to: &routes, context)
    SessionRoutes.add(to: &routes, context)
    EventRoutes.add(to: &routes, context, pace: pace)
    AgentRoutes.add(to: &routes, context)
    PersonRoutes.add(to: &routes, context)
    LoginRoutes.add(to: &routes, context, cookie: cookie, failedLogins: failedLogins)
    GitHubRoutes.add(to: &routes, context, cookie: cookie, failedLogins: failedLogins)
    AdministrationRoutes.add(to: &routes, context)
    PageRoutes.add(to: &routes, context, pace: pace)
    FormRoutes.add(to: &routes, context)
    return routes
  }
}

/// Waits until every listener runs, then reports once.
private final class ListeningState: Sendable {
  private let state: Mutex<(awaited: Int, port: Int)>
  private let report: @Sendable (Int) async -> Void

  init(awaited: Int, report: @escaping @Sendable (Int) async -> Void) {
    state = Mutex((awaited, 0))
    self.report = report
  }

  var isComplete: Bool { state.withLock { $0.awaited == 0 } }

  func add(port: Int?) async {
    let ready = state.withLock { state -> Int? in
      state.awaited -= 1
      if let port { state.port = port }
      return state.awaited == 0 ? state.port : nil
    }
    if let ready { await report(ready) }
  }
}
