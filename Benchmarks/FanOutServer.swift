import Foundation
import Glibc
import Logging
import RookeryAgents
import RookeryCommands
import RookeryConfiguration
import RookeryModel
import RookerySandbox
import RookeryServer
import RookerySessions
import RookeryStore

/// The product's web server over a session whose log is on disk, in a process of its own, for load from outside: messages come as
/// lines by a TCP connection and go to everyone who follows the session. Prints where it listens, and a token.
struct FanOutServer {
  /// What a measuring process learns.
  struct Address: Codable {
    var port: Int
    var linePort: Int
    var session: SessionID
    var token: String
    /// Of the log.
    var seq: Int64
  }

  /// Events that the session's file has when the server starts.
  static let storedEvents = 10_000

  static func run(in directory: String) async throws {
    var logger = Logger(label: "fan-out")
    logger.logLevel = .error
    let registry = try Registry(directory: directory)
    let admin = try await registry.localAdmin(name: "Bench", email: "bench@example.org")
    let token = try await registry.issueCredential(.token, for: admin.id, purpose: "benchmark", expires: nil).text
    let configuration = Configuration()
    let provider = LocalProvider(socket: directory + "/host.sock", logger: logger)
    let gateway = GatewayClient(socket: directory + "/gateway.sock", allowedServers: [geteuid()], logger: logger)
    let repositories = RepositoryService(
      registry: registry, provider: provider, gateway: gateway, configuration: configuration,
      authority: try InstallationAuthority.kept(in: directory), logger: logger)
    let agents = AgentCatalog(definitions: [])
    let services = SessionServices(
      registry: registry, directory: directory + "/sessions", configuration: configuration, provider: provider, gateway: gateway,
      repositories: repositories, agents: agents, pullRequests: nil, logger: logger)
    let engine = try SessionEngine(services: services)
    let name = try RepositoryName("site")
    try await registry.insert(Repository(name: name, url: "https://git.invalid/site.git", defaultBranch: "main", added: Date()))
    let receipt = try await engine.create(
      API.CreateSession(requestId: "bench", repository: name, prompt: "true", agent: try AgentName("command")), by: admin)
    await engine.close()
    try store(Self.storedEvents, in: services.directory, receipt.session)

    let serving = try SessionEngine(services: services)
    let feed = try await serving.feed(receipt.session)
    // Not events: those would have to be on the disk first, which is measured elsewhere.
    let linePort = try LineListener.listen { line in
      guard let payload = try? JSON.decode(JSONValue.self, from: line), let signal = try? SessionSignal("load", payload) else { return }
      feed.signal(signal)
    }
    let installer = AgentInstaller(
      provider: provider, definitions: agents.all, base: configuration.sandbox.base, scratch: directory + "/downloads", logger: logger)
    let context = ServerContext(
      registry: registry, sessions: serving, repositories: repositories, agents: installer, pool: services.makePool(),
      configuration: configuration, version: "bench"
    ) { API.Health(status: "ok", host: true, gateway: true) }
    let web = WebServer(context, addresses: .init(host: "127.0.0.1", port: 0, socket: nil), logger: logger) { port in
      let address = Address(port: port, linePort: linePort, session: receipt.session, token: token, seq: feed.seq)
      if let text = try? JSON.encode(address) { FileHandle.standardOutput.write(text + Data("\n".utf8)) }
    }
    try await web.run()
  }

  private static func store(_ count: Int, in directory: String, _ session: SessionID) throws {
    let store = try SessionStore(directory: directory, session: session, create: false, epoch: 2)
    let payload = EventPayload.agentMessage(.init(text: String(repeating: "x", count: 200)))
    for _ in 0..<(count / 500) {
      try store.write { transaction in for _ in 0..<500 { _ = try transaction.append(payload, turn: 1, at: Date()) } }
    }
  }
}

/// Takes messages as lines of JSON by a TCP connection of loopback, on a thread of its own.
enum LineListener {
  /// Returns the port.
  static func listen(_ publish: @escaping @Sendable (Data) -> Void) throws -> Int {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, length) == 0 && Glibc.listen(listener, 8) == 0 && getsockname(listener, $0, &length) == 0
      }
    }
    guard bound else { throw BenchmarkFailure("can't listen: errno \(errno)") }
    Thread.detachNewThread {
      while true {
        let connection = accept(listener, nil, nil)
        guard connection >= 0 else { return }
        serve(connection, publish)
        close(connection)
      }
    }
    return Int(UInt16(bigEndian: address.sin_port))
  }

  private static func serve(_ connection: Int32, _ publish: (Data) -> Void) {
    var rest = Data()
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = read(connection, &buffer, buffer.count)
      guard count > 0 else { return }
      rest += buffer[..<count]
      while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
        publish(Data(rest[..<end]))
        rest = Data(rest[(end + 1)...])
      }
    }
  }
}
