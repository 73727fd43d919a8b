import AsyncHTTPClient
import Foundation
import Logging
import NIOCore
import NIOFoundationCompat
import NIOHTTP1
import RookeryConfiguration
import RookeryModel
import RookeryStore
import RookeryTestSupport
import ServiceLifecycle
import Synchronization
import Testing

@testable import RookeryServer

/// A server on a free port of loopback and on a Unix socket, with a registry on disk and a user of each role.
struct TestServer: Sendable {
  let port: Int
  let socket: String
  let registry: Registry
  let sessions: MemorySessions
  let repositories: MemoryRepositories
  let document: OpenAPIDocument
  let users: [User.Role: User]
  let tokens: [User.Role: String]
  let log: LogCollector
  private let shutdown: @Sendable () async -> Void

  var origin: String { "http://127.0.0.1:\(port)" }

  /// Every route of such a server.
  var routes: [RouteTable.Route] {
    WebServer.routes(Self.context(registry, sessions, repositories, Configuration())).routes
  }

  private static func context(
    _ registry: Registry, _ sessions: MemorySessions, _ repositories: MemoryRepositories, _ configuration: Configuration
  ) -> ServerContext {
    ServerContext(
      registry: registry, sessions: sessions, repositories: repositories, agents: MemoryAgents(), pool: MemoryPool(repositories),
      configuration: configuration,
      version: "1.2.3-test", health: { API.Health(status: "ok", host: true, gateway: true) })
  }

  /// Ends the server as SIGTERM does.
  func stop() async { await shutdown() }

  /// Runs `body` beside a server.
  static func run(
    configure: (inout Configuration) -> Void = { _ in },
    adjust: @Sendable (inout ServerContext) async throws -> Void = { _ in }, pace: EventStreamPace = EventStreamPace(),
    _ body: @escaping @Sendable (TestServer) async throws -> Void
  ) async throws {
    let directory = try TemporaryDirectory(prefix: "rookery-web")
    let registry = try Registry(directory: directory.path)
    var configuration = Configuration()
    configure(&configuration)
    var users: [User.Role: User] = [:]
    var tokens: [User.Role: String] = [:]
    for role in User.Role.allCases {
      let user =
        role == .admin
        ? try await registry.localAdmin(name: "Ada Lovelace", email: "admin@example.org")
        : try await registry.createUser(name: "A \(role.rawValue)", email: "\(role.rawValue)@example.org", role: role)
      users[role] = user
      tokens[role] = try await registry.issueCredential(.token, for: user.id, purpose: "test", expires: nil).text
    }
    let log = LogCollector()
    let (listening, report) = AsyncStream<Int>.makeStream()
    let (ended, end) = AsyncStream<Void>.makeStream()
    let socket = directory.path("api.sock")
    let parts = TestServerParts()
    let server = TestServer(
      port: 0, socket: socket, registry: registry, sessions: MemorySessions(), repositories: MemoryRepositories(),
      document: try Self.document(), users: users, tokens: tokens, log: log,
      shutdown: {
        await parts.group.withLock { $0 }?.triggerGracefulShutdown()
        for await _ in ended {}
      })
    var context = Self.context(registry, server.sessions, server.repositories, configuration)
    try await adjust(&context)
    var logger = Logger(label: "test") { _ in log }
    logger.logLevel = .trace
    let web = WebServer(
      context, addresses: .init(host: "127.0.0.1", port: 0, socket: socket), logger: logger, pace: pace,
      onListening: { report.yield($0) })
    let services = ServiceGroup(configuration: .init(services: [web], logger: logger))
    parts.group.withLock { $0 = services }
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask {
        defer {
          end.finish()
          report.finish()
        }
        try await services.run()
      }
      guard let port = await listening.first(where: { _ in true }) else {
        try await tasks.waitForAll()
        throw CancellationError()
      }
      let running = server.listening(on: port)
      do {
        try await within(.seconds(180)) { try await body(running) }
      } catch {
        await server.stop()
        throw error
      }
      await server.stop()
      try await tasks.waitForAll()
    }
  }

  private func listening(on port: Int) -> TestServer {
    TestServer(
      port: port, socket: socket, registry: registry, sessions: sessions, repositories: repositories, document: document, users: users,
      tokens: tokens, log: log, shutdown: shutdown)
  }

  static func document() throws -> OpenAPIDocument {
    try OpenAPIDocument(yaml: String(decoding: PackageResources.openapi_yaml, as: UTF8.self))
  }
}

/// What the server's shutdown needs, filled in when it is there.
private final class TestServerParts: Sendable {
  let group = Mutex<ServiceGroup?>(nil)
}

/// A server's answer, its body read.
struct Answer: Sendable {
  var status: Int
  var headers: HTTPHeaders
  var body: Data
  var text: String { String(decoding: body, as: UTF8.self) }

  func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try JSON.decode(type, from: body) }
  func header(_ name: String) -> String? { headers.first(name: name) }
  func failure() throws -> RookeryError { try decode(API.Failure.self).error }
}

extension TestServer {
  /// Who a request says it is from.
  enum Proof: Sendable {
    case none
    case role(User.Role)
    case token(String)
    case cookie(String)
    /// By the Unix socket.
    case socket
  }

  /// Asks the server. What `/v1` sends and receives is held against openapi.yaml; `isValid` false says that the request is meant to
  /// break it.
  @discardableResult
  func ask(
    _ method: String, _ path: String, as proof: Proof = .role(.admin), json: (any Encodable)? = nil, body: Data? = nil,
    headers: [String: String] = [:], isValid: Bool = true
  ) async throws -> Answer {
    var sent = headers
    var bytes = body ?? Data()
    if let json {
      bytes = try JSON.encode(json)
      sent["Content-Type"] = sent["Content-Type"] ?? "application/json"
    }
    var url = origin + path
    switch proof {
    case .none: break
    case .role(let role): sent["Authorization"] = "Bearer \(tokens[role] ?? "")"
    case .token(let token): sent["Authorization"] = "Bearer \(token)"
    case .cookie(let secret):
      sent["Cookie"] = "rookery-8080=\(secret)"
      sent["Origin"] = sent["Origin"] ?? origin
    case .socket:
      let host = socket.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
      url = "http+unix://\(host)\(path)"
    }
    var request = HTTPClientRequest(url: url)
    request.method = HTTPMethod(rawValue: method)
    for (name, value) in sent { request.headers.replaceOrAdd(name: name, value: value) }
    if !bytes.isEmpty { request.body = .bytes(bytes) }
    let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: Self.clientConfiguration)
    do {
      let response = try await client.execute(request, timeout: .seconds(60))
      let data = Data(buffer: try await response.body.collect(upTo: 64 << 20))
      try await client.shutdown()
      let answer = Answer(status: Int(response.status.code), headers: response.headers, body: data)
      check(answer, method, path, sent: bytes, isValid: isValid)
      return answer
    } catch {
      try? await client.shutdown()
      throw error
    }
  }

  private static var clientConfiguration: HTTPClient.Configuration {
    var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
    configuration.timeout.connect = .seconds(30)
    return configuration
  }

  private func check(_ answer: Answer, _ method: String, _ path: String, sent: Data, isValid: Bool) {
    guard path.hasPrefix("/v1/"), method != "PUT", !answer.body.isEmpty || answer.status < 400 else { return }
    let plain = String(path.split(separator: "?")[0])
    if isValid, !sent.isEmpty { #expect(document.problems(request: sent, method: method, path: plain) == []) }
    let problems = document.problems(
      response: answer.body, status: answer.status, type: answer.headers.first(name: "content-type"), method: method, path: plain)
    #expect(problems == [] || problems == ["\(method) \(plain) is not described"], "\(answer.text.prefix(500))")
  }

  /// A cookie of a user who opened a login link.
  func signIn(_ role: User.Role = .member) async throws -> String {
    let user = try #require(users[role])
    let code = try await registry.issueLoginCode(for: user.id)
    let answer = try await ask("GET", "/login?code=\(code)", as: .none)
    #expect(answer.status == 303)
    let header = answer.headers.first(name: "set-cookie") ?? ""
    return String(header.split(separator: ";")[0].split(separator: "=", maxSplits: 1)[1])
  }

  /// A session with one prompt that waits.
  func makeSession(_ prompt: String = "Fix the typo", as role: User.Role = .member) async throws -> SessionID {
    let body = API.CreateSession(requestId: UUID().uuidString, repository: try RepositoryName("rookery"), prompt: prompt)
    return try await ask("POST", "/v1/sessions", as: .role(role), json: body).decode(API.PromptReceipt.self).session
  }
}

/// Keeps every line that is logged.
struct LogCollector: LogHandler {
  private final class Lines: Sendable {
    let all = Mutex<[String]>([])
  }

  private let lines = Lines()
  var metadata: Logger.Metadata = [:]
  var logLevel = Logger.Level.trace

  var text: String { lines.all.withLock { $0.joined(separator: "\n") } }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let all = metadata.merging(event.metadata ?? [:]) { $1 }
    lines.all.withLock { $0.append("\(event.level) \(event.message) \(all)") }
  }
}
