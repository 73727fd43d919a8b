import Hummingbird
import Logging

/// A git server over smart HTTP on the loopback address, for the demo and for tests.
package struct GitHTTPServer: Sendable {
  package var backend: GitHTTPBackend

  /// Serves the bare repositories in the directory `repositories` under `http://127.0.0.1:PORT/NAME.git`.
  package init(repositories: String, credential: GitHTTPBackend.Credential? = nil) {
    backend = GitHTTPBackend(repositories: repositories, credential: credential)
  }

  /// Serves until the task is cancelled. `started` gets the port, which the system chooses when `port` is 0.
  package func run(port: Int = 0, started: @escaping @Sendable (Int) async -> Void) async throws {
    try await LoopbackServer.run(backend, port: port, started: started)
  }
}

/// Runs a responder on 127.0.0.1.
package enum LoopbackServer {
  package static func run(
    _ responder: some HTTPResponder<BasicRequestContext>, port: Int = 0, started: @escaping @Sendable (Int) async -> Void
  ) async throws {
    var logger = Logger(label: "rookery.loopback")
    // Cancelling is how it stops; Hummingbird logs that as an error.
    logger.logLevel = .critical
    let application = Application(
      responder: responder, configuration: .init(address: .hostname("127.0.0.1", port: port)),
      onServerRunning: { channel in await started(channel.localAddress?.port ?? 0) }, logger: logger)
    try await application.run()
  }
}
