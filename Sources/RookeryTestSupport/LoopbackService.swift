import Hummingbird
import RookeryRehearsal

/// An HTTP server of a test's own on a free port of the loopback address.
package final class LoopbackService: Sendable {
  package let port: Int
  private let serving: Task<Void, any Error>

  package var url: String { "http://127.0.0.1:\(port)" }
  /// `127.0.0.1:PORT`, as lists of allowed private addresses spell it.
  package var authority: String { "127.0.0.1:\(port)" }

  private init(port: Int, serving: Task<Void, any Error>) {
    self.port = port
    self.serving = serving
  }

  /// Serves until it is stopped or nobody refers to it any more.
  package static func start(
    _ respond: @escaping @Sendable (Request, BasicRequestContext) async throws -> Response
  ) async throws -> LoopbackService {
    let (ports, started) = AsyncThrowingStream<Int, any Error>.makeStream()
    let serving = Task {
      do {
        try await LoopbackServer.run(CallbackResponder(callback: respond)) { started.yield($0) }
        started.finish()
      } catch {
        started.finish(throwing: error)
        throw error
      }
    }
    for try await port in ports { return LoopbackService(port: port, serving: serving) }
    throw Command.Failed(description: "the server ended at once")
  }

  deinit { serving.cancel() }

  /// Closes the port and every connection.
  package func stop() async {
    serving.cancel()
    _ = await serving.result
  }
}
