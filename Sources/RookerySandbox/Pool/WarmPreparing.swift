import Foundation
import RookeryConfiguration
import RookeryModel

/// What to prepare.
package struct WarmOrder: Sendable, Equatable {
  /// The sandbox's id, which nobody used before.
  package var id: SandboxID
  package var repository: RepositoryName
  package var validity: PoolValidity
  /// Seconds for which it may wait to be claimed.
  package var maximumAge: TimeInterval
}

/// What a preparation made: recorded beside the sandbox, and given to the session that claims it.
package struct WarmContent: Sendable, Codable, Equatable {
  /// The commit that the working copy is at.
  package var commit: String
  /// Seconds that it may live, counted from its start.
  package var runtimeSeconds: Int?
  /// What the image was built with.
  package var environment: EnvironmentFile
  /// The agents that can be started in it.
  package var bundles: Set<AgentName>
  /// The agent whose process waits in it.
  package var agent: AgentName?
  /// The waiting process and its conversation, in the words of whoever prepared it.
  package var conversation: Data?
  /// The repository's services and what became of them.
  package var services: [ServiceChanged]

  package init(
    commit: String, environment: EnvironmentFile, bundles: Set<AgentName>, agent: AgentName? = nil, conversation: Data? = nil,
    services: [ServiceChanged] = [], runtimeSeconds: Int? = nil
  ) {
    self.runtimeSeconds = runtimeSeconds
    self.commit = commit
    self.environment = environment
    self.bundles = bundles
    self.agent = agent
    self.conversation = conversation
    self.services = services
  }
}

/// The work that a pool has done for it.
package protocol WarmPreparing: Sendable {
  /// Every repository with what its warm sandboxes must be prepared from now.
  func repositories() async throws -> [RepositoryName: PoolState.Repository]
  /// Starts the sandbox, brings it to the newest commit, has its services ready and its agent waiting, and freezes it. What is
  /// left after a throw is cleared away by the caller. Cancelled, it ends soon.
  func prepare(_ order: WarmOrder) async throws -> (WarmContent, any Sandbox)
}

/// A warm sandbox, running and in the hands of the session that claimed it.
package struct WarmClaim: Sendable {
  package var sandbox: any Sandbox
  package var image: ImageID
  package var content: WarmContent
}
