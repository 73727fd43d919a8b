import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import RookeryRehearsal
import Synchronization

/// A real git server over smart HTTP, with repositories in a directory of its own and faults on demand.
package final class GitServer: Sendable {
  /// What goes wrong with every request from now on.
  package enum Fault: Sendable, Equatable {
    case respond(status: Int, body: String = "")
    case redirect(to: String)
    /// No answer until the server stops.
    case hang
  }

  /// A request as it arrived.
  package struct Received: Sendable {
    package var method: String
    package var path: String
    package var query: String?
    /// Names in lower case.
    package var headers: [(name: String, value: String)]

    package func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }
  }

  package let port: Int
  private let directory: TemporaryDirectory
  private let state: State
  private let serving: Task<Void, any Error>

  /// Where the bare repositories are.
  package var repositories: String { directory.path }

  private final class State: Sendable {
    let fault = Mutex<Fault?>(nil)
    let received = Mutex<[Received]>([])
  }

  /// Starts a server; with `credential`, requests in its scope are answered 401 without it.
  package static func start(credential: GitHTTPBackend.Credential? = nil) async throws -> GitServer {
    let directory = try TemporaryDirectory(prefix: "rookery-git")
    let state = State()
    let backend = GitHTTPBackend(repositories: directory.path, credential: credential)
    let responder = CallbackResponder<BasicRequestContext> { request, context in
      state.received.withLock { $0.append(Received(request)) }
      switch state.fault.withLock({ $0 }) {
      case nil: return try await backend.respond(to: request, context: context)
      case .respond(let status, let body):
        return Response(status: .init(code: status), body: .init(byteBuffer: .init(string: body)))
      case .redirect(let target): return Response(status: .movedPermanently, headers: [.location: target])
      case .hang:
        try await Task.sleep(for: .seconds(3600))
        return Response(status: .gatewayTimeout)
      }
    }
    let (ports, started) = AsyncThrowingStream<Int, any Error>.makeStream()
    let serving = Task {
      do {
        try await LoopbackServer.run(responder) { started.yield($0) }
        started.finish()
      } catch {
        started.finish(throwing: error)
        throw error
      }
    }
    for try await port in ports { return GitServer(port: port, directory: directory, state: state, serving: serving) }
    throw Command.Failed(description: "the git server ended at once")
  }

  private init(port: Int, directory: TemporaryDirectory, state: State, serving: Task<Void, any Error>) {
    self.port = port
    self.directory = directory
    self.state = state
    self.serving = serving
  }

  deinit { serving.cancel() }

  package func stop() async {
    serving.cancel()
    _ = await serving.result
    directory.remove()
  }

  /// Sets what goes wrong; nil: nothing.
  package func fail(_ fault: Fault?) { state.fault.withLock { $0 = fault } }

  /// Every request so far, in order of arrival.
  package var received: [Received] { state.received.withLock { $0 } }

  package func url(for name: String) -> String { "http://127.0.0.1:\(port)/\(name).git" }

  /// `127.0.0.1:PORT`, as lists of allowed private addresses spell it.
  package var authority: String { "127.0.0.1:\(port)" }
}

extension GitServer.Received {
  init(_ request: Request) {
    method = request.method.rawValue
    path = request.uri.path
    query = request.uri.query
    headers = request.headers.map { ($0.name.canonicalName, $0.value) }
    if let authority = request.head.authority { headers.append(("host", authority)) }
  }
}
