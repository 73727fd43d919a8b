import Foundation
import RookeryConfiguration
import RookeryGitHub
import RookeryModel
import RookerySessions
import RookeryStore

/// Everything that the routes use.
package struct ServerContext: Sendable {
  package var registry: Registry
  package var sessions: any SessionService
  package var repositories: any RepositoryControl
  package var agents: any AgentControl
  package var pool: any WarmControl
  package var configuration: Configuration
  package var version: String
  /// Users of this machine, beside root and the server's own, who are the local admin when they come by the Unix socket.
  package var localUsers: Set<UInt32>
  /// The App and people's access at GitHub; nil: nobody signs in with it.
  package var github: GitHubIdentity?
  package var vault: SecretVault?
  /// Called when a webhook was stored.
  package var webhookArrived: @Sendable () -> Void = {}
  /// Called when a person has linked an account.
  package var accountLinked: @Sendable (UserID) async -> Void = { _ in }
  /// Asks `host` and the gateway; answers within a few seconds.
  package var health: @Sendable () async -> API.Health

  package init(
    registry: Registry, sessions: any SessionService, repositories: any RepositoryControl, agents: any AgentControl,
    pool: any WarmControl, configuration: Configuration, version: String, localUsers: Set<UInt32> = [],
    health: @escaping @Sendable () async -> API.Health
  ) {
    self.registry = registry
    self.sessions = sessions
    self.repositories = repositories
    self.agents = agents
    self.pool = pool
    self.configuration = configuration
    self.version = version
    self.localUsers = localUsers
    self.health = health
  }
}

extension Configuration.Server {
  /// Where people reach the server, without a slash at the end.
  package var origin: String {
    if let externalURL { return externalURL.hasSuffix("/") ? String(externalURL.dropLast()) : externalURL }
    let name = host.contains(":") ? "[\(host)]" : host
    let reachable = ["0.0.0.0", "[::]"].contains(name) ? "localhost" : name
    return "http://\(reachable):\(port)"
  }

  /// The address that signs a browser in once and then shows `path`, home when absent.
  package func loginLink(code: String, path: String? = nil) -> Secret {
    Secret("\(origin)/login?code=\(code)" + (path.map { "&next=\($0)" } ?? ""))
  }
}
