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

  private let directory: TemporaryDirectory
  private let state: State
  private let service: LoopbackService

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
    let service = try await LoopbackService.start { request, context in
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
    return GitServer(directory: directory, state: state, service: service)
  }

  /// Starts a server that asks for this user and password, for everything or for pushes only.
  package static func start(user: String, password: String, forPushOnly: Bool = false) async throws -> GitServer {
    try await start(credential: GitHTTPBackend.Credential(user: user, password: password, scope: forPushOnly ? .push : .everything))
  }

  private init(directory: TemporaryDirectory, state: State, service: LoopbackService) {
    self.directory = directory
    self.state = state
    self.service = service
  }

  package func stop() async {
    await service.stop()
    directory.remove()
  }

  /// Sets what goes wrong; nil: nothing.
  package func fail(_ fault: Fault?) { state.fault.withLock { $0 = fault } }

  /// Every request so far, in order of arrival.
  package var received: [Received] { state.received.withLock { $0 } }

  package func url(for name: String) -> String { "\(service.url)/\(name).git" }

  /// `127.0.0.1:PORT`, as lists of allowed private addresses spell it.
  package var authority: String { service.authority }

  package var port: Int { service.port }
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
