import Foundation
import Glibc
import Logging
import RookeryAgents
import RookeryConfiguration
import RookeryGitHub
import RookeryModel
import RookerySandbox
import RookeryServer
import RookerySessions
import RookeryStore
import ServiceLifecycle

/// `rookery serve`: everything that faces people, wired together.
struct ServerProcess: Sendable {
  private let lock: FileLock
  private let layout: DataLayout
  private let registry: Registry
  private let provider: LocalProvider
  private let gateway: GatewayClient
  private let repositories: RepositoryService
  private let engine: SessionEngine
  private let web: WebServer
  private let logger: Logger

  /// Opens the databases of `layout.serve`; throws `conflict` when another server has them.
  ///
  /// - Parameters:
  ///   - localUsers: users of this machine who are the local admin when they come by the Unix socket.
  ///   - admin: who the local admin is; of meaning at the first start only.
  init(
    layout: DataLayout, users: SystemUsers, configuration: Configuration, localUsers: Set<UInt32>, admin: API.NamedAuthor,
    logger: Logger
  ) async throws {
    self.layout = layout
    self.logger = logger
    lock = try FileLock(
      path: layout.serve + "/serve.lock", message: "Another server works on \(layout.serve).", mend: "Stop it first: “rookery down”.")
    registry = try Registry(directory: layout.serve)
    let person = try await registry.localAdmin(name: admin.name, email: admin.email)
    var complete = configuration
    if let token = configuration.github.adminToken, complete.github.userTokens[person.email.lowercased()] == nil {
      complete.github.userTokens[person.email.lowercased()] = token
    }
    let configuration = complete
    let provider = LocalProvider(socket: layout.hostSocket, logger: logger)
    let gateway = GatewayClient(socket: layout.gatewaySocket, allowedServers: [users.gateway.uid], logger: logger)
    self.provider = provider
    self.gateway = gateway
    let vault = try SecretVault(registry: registry, source: Self.keys(configuration.server, in: layout.serve))
    let github = try await GitHubIdentity(configuration: configuration, registry: registry, vault: vault, logger: logger)
    repositories = RepositoryService(
      registry: registry, provider: provider, gateway: gateway, configuration: configuration,
      authority: try InstallationAuthority.kept(in: layout.serve), credentials: github, logger: logger)
    let agents = AgentCatalog(definitions: configuration.agents.definitions)
    let installer = AgentInstaller(
      provider: provider, definitions: agents.all, base: configuration.sandbox.base, scratch: layout.serve + "/downloads",
      logger: logger)
    var services = SessionServices(
      registry: registry, directory: layout.serve + "/sessions", configuration: configuration, provider: provider,
      gateway: gateway, repositories: repositories, agents: agents, pullRequests: GitHubPullRequests(), logger: logger)
    let pool = services.makePool()
    services.pool = pool
    engine = try SessionEngine(services: services)
    let context = ServerContext(
      registry: registry, sessions: engine, repositories: repositories, agents: installer, pool: pool,
      configuration: configuration, version: Program.version, localUsers: localUsers
    ) {
      async let host = provider.isReady()
      async let gateway = gateway.isReady()
      let (hostIsReady, gatewayIsReady) = await (host, gateway)
      return API.Health(status: hostIsReady && gatewayIsReady ? "ok" : "degraded", host: hostIsReady, gateway: gatewayIsReady)
    }
    web = WebServer(
      context, addresses: .init(host: configuration.server.host, port: configuration.server.port, socket: layout.apiListener),
      logger: logger
    ) { port in logger.info("listening", metadata: ["host": "\(configuration.server.host)", "port": "\(port)"]) }
  }

  /// Where the keys come from that secrets are encrypted under.
  private static func keys(_ settings: Configuration.Server, in directory: String) -> SecretVault.Source {
    switch settings.secretsKeys {
    case nil: .file(KeyFile(directory: directory))
    case .text(let keys): .configured { keys.reveal() }
    case .file(let path): .configured { String(decoding: try Data(contentsOf: URL(filePath: path)), as: UTF8.self) }
    }
  }

  /// Serves until SIGTERM or SIGINT. Turns go on in their sandboxes; the next server takes them up.
  func run() async throws {
    let signals = SignalStream(SIGTERM, SIGINT)
    // We hold the lock: a socket that is still there is a dead server's.
    unlink(layout.apiListener)
    var configuration = ServiceGroupConfiguration(services: [web], gracefulShutdownSignals: [], logger: logger)
    configuration.maximumGracefulShutdownDuration = .seconds(8)
    let group = ServiceGroup(configuration: configuration)
    let (repositories, gateway, engine) = (repositories, gateway, engine)
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { try await Self.untilCancelled { try await repositories.run() } }
      tasks.addTask { try await Self.untilCancelled { try await configureNetworks() } }
      tasks.addTask {
        try await Self.untilCancelled {
          try await gateway.answerQuestions { await repositories.credential(for: $0.repository, push: $0.push) }
        }
      }
      tasks.addTask { try await Self.untilCancelled { try await engine.run() } }
      tasks.addTask {
        try await group.run()
        await engine.close()
      }
      let stopping = Task { for await _ in signals.signals { await group.triggerGracefulShutdown() } }
      defer { stopping.cancel() }
      // The web server ends when it is asked to; any of the others ends first only by failing.
      do { try await tasks.next() } catch {
        await group.triggerGracefulShutdown()
        throw error
      }
      tasks.cancelAll()
    }
    withExtendedLifetime(lock) {}
  }

  /// Tells the host what sandboxes' networks have, and again from time to time: bases come and go.
  private func configureNetworks() async throws {
    var told: NetworkSetup?
    while true {
      do {
        let setup = try await repositories.networkSetup()
        if setup != told { try await provider.configureNetwork(setup) }
        told = setup
      } catch {
        try Task.checkCancellation()
        logger.warning("the host was not told about networks", metadata: ["error": "\(error)"])
      }
      try await Task.sleep(for: told == nil ? .seconds(2) : .seconds(60))
    }
  }

  /// Being cancelled is how these end; to end by themselves is a failure.
  private static func untilCancelled(_ body: () async throws -> Void) async throws {
    do { try await body() } catch is CancellationError { return }
    guard Task.isCancelled else {
      throw RookeryError(.internal, "A part of the server ended by itself.", mend: "The supervisor starts it again.")
    }
  }
}
