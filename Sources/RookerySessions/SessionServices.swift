import Foundation
import Logging
import RookeryAgents
import RookeryConfiguration
import RookeryGitHub
import RookeryModel
import RookerySandbox
import RookeryStore

/// What sessions work with.
package struct SessionServices: Sendable {
  package var registry: Registry
  /// Where each session has a directory of its own.
  package var directory: String
  package var configuration: Configuration
  package var provider: any SandboxProvider
  package var gateway: GatewayClient
  package var repositories: RepositoryService
  package var agents: AgentCatalog
  package var pullRequests: (any PullRequestOpener)?
  /// The App and people's access at GitHub; nil: what the configuration has is all.
  package var github: GitHubIdentity?
  /// Sandboxes that wait for sessions; nil: every session starts one of its own.
  package var pool: WarmPool?
  package var logger: Logger

  package init(
    registry: Registry, directory: String, configuration: Configuration, provider: any SandboxProvider, gateway: GatewayClient,
    repositories: RepositoryService, agents: AgentCatalog, pullRequests: (any PullRequestOpener)?, logger: Logger
  ) {
    self.registry = registry
    self.directory = directory
    self.configuration = configuration
    self.provider = provider
    self.gateway = gateway
    self.repositories = repositories
    self.agents = agents
    self.pullRequests = pullRequests
    self.logger = logger
  }
}

/// The seam between sessions and the forge.
package protocol PullRequestOpener: Sendable {
  /// Opens a pull request, or finds the open one of the same head and brings its text up to date, with `token`: the author's own.
  func openPullRequest(_ request: PullRequestText, forge: Configuration.Forge, token: Secret) async throws -> (PullRequest, created: Bool)
}

/// What a pull request says.
package struct PullRequestText: Sendable, Equatable {
  package var head: String
  package var base: String
  package var title: String
  package var body: String
  package var isDraft = false
}
