import Foundation
import Logging
import RookeryAgents
import RookeryConfiguration
import RookeryModel
import RookerySandbox
import RookeryStore
import RookeryTestSupport

@testable import RookerySessions

/// An engine over real files, with a host and a gateway that are away: what needs no sandbox works.
struct EngineFixture: Sendable {
  let directory: TemporaryDirectory
  let registry: Registry
  let services: SessionServices
  let engine: SessionEngine

  init(in directory: TemporaryDirectory? = nil) throws {
    let directory = try directory ?? TemporaryDirectory(prefix: "rookery-engine")
    self.directory = directory
    let registry = try Registry(directory: directory.path)
    self.registry = registry
    var logger = Logger(label: "engine")
    logger.logLevel = .critical
    let configuration = Configuration()
    let provider = LocalProvider(socket: directory.path("host.sock"), patience: .milliseconds(50), logger: logger)
    let gateway = GatewayClient(socket: directory.path("gateway.sock"), allowedServers: [geteuid()], logger: logger)
    services = SessionServices(
      registry: registry, directory: directory.path("sessions"), configuration: configuration, provider: provider, gateway: gateway,
      repositories: RepositoryService(
        registry: registry, provider: provider, gateway: gateway, configuration: configuration,
        authority: try InstallationAuthority.kept(in: directory.path), logger: logger),
      agents: AgentCatalog(definitions: []), pullRequests: nil, logger: logger)
    engine = try SessionEngine(services: services)
  }

  /// A session that has one prompt and never runs it.
  func makeSession() throws -> SessionID {
    let id = SessionID.random(prefix: "s")
    let author = Author(user: try UserID("u-ada"), name: "Ada", email: "ada@example.org")
    let meta = SessionMeta(
      id: id, repository: try RepositoryName("site"), branch: "rookery/\(id)", agent: try AgentName("command"), owner: author,
      title: "Title", created: Date(), updated: Date())
    let store = try SessionStore(directory: services.directory, session: id, create: true)
    try store.write { transaction in
      try transaction.setMeta(JSON.encode(meta))
      _ = try transaction.append(
        .sessionCreated(
          SessionCreated(repository: meta.repository, branch: meta.branch, agent: meta.agent, owner: author)), turn: nil, at: Date())
    }
    return id
  }
}
