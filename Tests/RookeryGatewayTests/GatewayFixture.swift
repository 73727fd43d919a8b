import Foundation
import Glibc
import Logging
import RookeryControl
import RookeryGateway
import RookeryModel
import RookeryTestSupport
import Testing

/// A gateway of a test's own with one adopted sandbox, whose listeners are on the host's loopback.
final class GatewayFixture: Sendable {
  let sandbox: SandboxID
  let gitPort: Int
  let modelPort: Int
  let client: ControlClient
  private let directory: TemporaryDirectory
  private let running: Task<Void, any Error>

  static func start(adopt: Bool = true, _ adjust: (inout GatewaySettings) -> Void = { _ in }) async throws -> GatewayFixture {
    let directory = try TemporaryDirectory()
    var settings = GatewaySettings(
      controlSocket: directory.path("gateway.sock"), hostUser: geteuid(), serveUser: geteuid(), gatewayUser: geteuid())
    adjust(&settings)
    var logger = Logger(label: "rookery.gateway")
    logger.logLevel = .critical
    let service = GatewayService(settings: settings, logger: logger)
    let (up, isUp) = AsyncStream<Void>.makeStream()
    let running = Task {
      defer { isUp.finish() }
      try await service.run { isUp.yield() }
    }
    for await _ in up { break }
    let client = ControlClient(path: settings.controlSocket, allowedServers: [geteuid()])
    let fixture = try GatewayFixture(client: client, directory: directory, running: running)
    if adopt { try await fixture.adopt() }
    return fixture
  }

  private let listeners: [Int32]

  private init(client: ControlClient, directory: TemporaryDirectory, running: Task<Void, any Error>) throws {
    sandbox = SandboxID.random(prefix: "box-")
    self.client = client
    self.directory = directory
    self.running = running
    let (git, model) = (try LoopbackSocket.listen(), try LoopbackSocket.listen())
    listeners = [git.descriptor, model.descriptor]
    (gitPort, modelPort) = (git.port, model.port)
  }

  deinit {
    running.cancel()
    listeners.forEach { close($0) }
  }

  /// Hands over (duplicates of) the listeners, as `host` does.
  func adopt() async throws {
    _ = try await client.call(GatewayRequest.adopt(sandbox, sockets: [.git, .model]), as: GatewayResponse.self, descriptors: listeners)
  }

  /// Ends the gateway; requests through its listeners are then refused, since the test's own duplicates are closed, too.
  func stop() async throws {
    running.cancel()
    _ = await running.result
  }

  @discardableResult
  func call(_ request: GatewayRequest, timeout: Duration = .seconds(60)) async throws -> GatewayResponse {
    try await client.call(request, as: GatewayResponse.self, timeout: timeout)
  }

  func grant(
    git: [Grant.Git] = [], model: Grant.Model? = nil, privateHosts: [String] = [], expires: Date = Date(timeIntervalSinceNow: 600)
  ) async throws {
    try await call(.grant(Grant(sandbox: sandbox, expires: expires, git: git, model: model, privateHosts: privateHosts)))
  }

  /// Grants repositories of `server`, each with its push ref.
  func grant(_ server: GitServer, _ repositories: [String: String?]) async throws {
    let git = try repositories.map { Grant.Git(name: try RepositoryName($0.key), url: server.url(for: $0.key), pushRef: $0.value) }
    try await grant(git: git, privateHosts: [server.authority])
  }

  /// Plays `serve`: answers every question while `body` runs.
  func answering<Value: Sendable>(
    _ answer: @escaping @Sendable (CredentialQuestion) -> CredentialAnswer = { _ in .anonymous },
    _ body: @escaping @Sendable () async throws -> Value
  ) async throws -> Value {
    try await withThrowingTaskGroup(of: Value?.self) { group in
      group.addTask { try await body() }
      group.addTask {
        while !Task.isCancelled {
          guard case .questions(let questions) = try await self.call(.nextQuestions(wait: 20)) else { continue }
          for question in questions { try await self.call(.answer(question: question.number, answer(question))) }
        }
        return nil
      }
      defer { group.cancelAll() }
      guard let first = try await group.next(), let value = first else { throw CancellationError() }
      return value
    }
  }

  func gitURL(_ name: String) -> String { "http://127.0.0.1:\(gitPort)/\(name).git" }
  func modelURL(_ path: String) -> String { "http://127.0.0.1:\(modelPort)\(path)" }
}

/// Raw sockets on the host's loopback.
enum LoopbackSocket {
  static func listen() throws -> (descriptor: Int32, port: Int) {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
        bind(descriptor, pointer, length) == 0 && Glibc.listen(descriptor, 64) == 0 && getsockname(descriptor, pointer, &length) == 0
      }
    }
    try #require(bound)
    return (descriptor, Int(UInt16(bigEndian: address.sin_port)))
  }
}
