import Foundation
import RookeryConfiguration
import RookeryModel

/// A session's own facts, committed with the events that changed them.
struct SessionMeta: Codable, Equatable, Sendable {
  var id: SessionID
  var repository: RepositoryName
  var branch: String
  var agent: AgentName
  var owner: Author
  var title: String
  var created: Date
  var updated: Date
  /// The commit that the branch starts from; known once there was a sandbox.
  var baseCommit: String?
  /// The newest commit of the branch that the remote has.
  var pushedCommit: String?
  /// Recorded before it is made, so that a crash in between leaves nothing unknown.
  var sandbox: SandboxID?
  /// Whether `sandbox` was seen running.
  var sandboxReady = false
  /// Whether every process of `sandbox` stands still.
  var paused: Bool?
  /// Seconds that `sandbox` may live.
  var runtimeSeconds: Int?
  var forkedFrom: SessionCreated.Fork?
  /// What was said in the session that this one was forked from.
  var inherited: String?
  /// Variables that the repository's environment gives to agents.
  var environment: [String: String] = [:]
  /// Where the next sandbox starts from when this one is gone.
  var snapshot: SnapshotID?
  /// The agent's process in `sandbox`, while it lives; agents that speak ACP serve many turns.
  var agentProcess: ProcessID?
  /// How many agent processes were started: their ids are never reused.
  var agentProcesses = 0
  /// The agent's own name for the conversation, for loading it into a new process.
  var agentSession: String?
  var pullRequest: PullRequest?
  var lastResult: TurnFinished.Result?
  /// The repository's services that run in `sandbox`; nil: none.
  var services: [EnvironmentFile.Service]?
  /// What the log says of them.
  var serviceStates: [ServiceChanged]?
  /// The agent that waited in `sandbox` before this session: it may have left its litter there.
  var waitedWith: AgentName?
  /// Whether the branch starts from a commit that may not be the newest: the sandbox waited in a pool, and nobody has looked since.
  var awaitsSync: Bool?
  /// Host events up to this one are in the log.
  var hostEvents: Int64 = 0
  /// Usage entries of the gateway up to this one are in the log.
  var usageEntries: Int64 = 0
  /// What the session used of its model, in tokens and in millionths of a US dollar; nil: nothing.
  var spentTokens: Int?
  var spentCost: Int?
  /// Reports of the gateway up to this one are in the log.
  var gatewayReports: Int64?
  /// The sandbox for which people were told what was granted and what was not.
  var explainedSandbox: SandboxID?
}
