import Foundation

/// The wire form of a payload: its `kind` beside its body.
extension EventPayload {
  /// The name of this kind of event on the wire.
  public var kind: String {
    switch self {
    case .sessionCreated: "session.created"
    case .promptQueued: "prompt.queued"
    case .promptCancelled: "prompt.cancelled"
    case .turnStarted: "turn.started"
    case .stepFinished: "step.finished"
    case .sandboxReady: "sandbox.ready"
    case .sandboxAwaited: "sandbox.awaited"
    case .sandboxPaused: "sandbox.paused"
    case .sandboxResumed: "sandbox.resumed"
    case .sandboxLost: "sandbox.lost"
    case .limitWarning: "limit.warning"
    case .limitHit: "limit.hit"
    case .networkRefused: "network.refused"
    case .serviceChanged: "service.changed"
    case .agentStarted: "agent.started"
    case .agentMessage: "agent.message"
    case .agentThought: "agent.thought"
    case .agentOutput: "agent.output"
    case .toolCall: "tool.call"
    case .toolUpdate: "tool.update"
    case .plan: "plan"
    case .permissionAnswered: "permission.answered"
    case .usage: "usage"
    case .commitCreated: "commit.created"
    case .workSaved: "work.saved"
    case .branchPushed: "branch.pushed"
    case .artifactCreated: "artifact.created"
    case .pullRequestOpened: "pull_request.opened"
    case .pullRequestUpdated: "pull_request.updated"
    case .pullRequestMerged: "pull_request.merged"
    case .pullRequestClosed: "pull_request.closed"
    case .snapshotTaken: "snapshot.taken"
    case .turnFinished: "turn.finished"
    case .notice: "notice"
    case .unknown(let kind, _): kind
    }
  }

  init(kind: String, from decoder: any Decoder) throws {
    switch kind {
    case "session.created": self = .sessionCreated(try SessionCreated(from: decoder))
    case "prompt.queued": self = .promptQueued(try PromptQueued(from: decoder))
    case "prompt.cancelled": self = .promptCancelled(try PromptCancelled(from: decoder))
    case "turn.started": self = .turnStarted(try TurnStarted(from: decoder))
    case "step.finished": self = .stepFinished(try StepFinished(from: decoder))
    case "sandbox.ready": self = .sandboxReady(try SandboxReady(from: decoder))
    case "sandbox.awaited": self = .sandboxAwaited(try SandboxAwaited(from: decoder))
    case "sandbox.paused": self = .sandboxPaused(try SandboxPaused(from: decoder))
    case "sandbox.resumed": self = .sandboxResumed(try SandboxResumed(from: decoder))
    case "limit.warning": self = .limitWarning(try LimitWarning(from: decoder))
    case "network.refused": self = .networkRefused(try NetworkRefused(from: decoder))
    case "service.changed": self = .serviceChanged(try ServiceChanged(from: decoder))
    case "sandbox.lost": self = .sandboxLost(try SandboxLost(from: decoder))
    case "limit.hit": self = .limitHit(try LimitHit(from: decoder))
    case "agent.started": self = .agentStarted(try AgentStarted(from: decoder))
    case "agent.message": self = .agentMessage(try TextChunk(from: decoder))
    case "agent.thought": self = .agentThought(try TextChunk(from: decoder))
    case "agent.output": self = .agentOutput(try OutputChunk(from: decoder))
    case "tool.call": self = .toolCall(try ToolCall(from: decoder))
    case "tool.update": self = .toolUpdate(try ToolUpdate(from: decoder))
    case "plan": self = .plan(try Plan(from: decoder))
    case "permission.answered": self = .permissionAnswered(try PermissionAnswered(from: decoder))
    case "usage": self = .usage(try Usage(from: decoder))
    case "commit.created": self = .commitCreated(try CommitCreated(from: decoder))
    case "work.saved": self = .workSaved(try WorkSaved(from: decoder))
    case "branch.pushed": self = .branchPushed(try BranchPushed(from: decoder))
    case "artifact.created": self = .artifactCreated(try Artifact(from: decoder))
    case "pull_request.opened": self = .pullRequestOpened(try PullRequest(from: decoder))
    case "pull_request.updated": self = .pullRequestUpdated(try PullRequest(from: decoder))
    case "pull_request.merged": self = .pullRequestMerged(try PullRequestMerged(from: decoder))
    case "pull_request.closed": self = .pullRequestClosed(try PullRequestClosed(from: decoder))
    case "snapshot.taken": self = .snapshotTaken(try SnapshotTaken(from: decoder))
    case "turn.finished": self = .turnFinished(try TurnFinished(from: decoder))
    case "notice": self = .notice(try Notice(from: decoder))
    default: self = .unknown(kind: kind, body: try JSONValue(from: decoder))
    }
  }

  func encodeBody(to encoder: any Encoder) throws {
    switch self {
    case .sessionCreated(let body): try body.encode(to: encoder)
    case .promptQueued(let body): try body.encode(to: encoder)
    case .promptCancelled(let body): try body.encode(to: encoder)
    case .turnStarted(let body): try body.encode(to: encoder)
    case .stepFinished(let body): try body.encode(to: encoder)
    case .sandboxReady(let body): try body.encode(to: encoder)
    case .sandboxAwaited(let body): try body.encode(to: encoder)
    case .sandboxPaused(let body): try body.encode(to: encoder)
    case .sandboxResumed(let body): try body.encode(to: encoder)
    case .limitWarning(let body): try body.encode(to: encoder)
    case .networkRefused(let body): try body.encode(to: encoder)
    case .serviceChanged(let body): try body.encode(to: encoder)
    case .sandboxLost(let body): try body.encode(to: encoder)
    case .limitHit(let body): try body.encode(to: encoder)
    case .agentStarted(let body): try body.encode(to: encoder)
    case .agentMessage(let body): try body.encode(to: encoder)
    case .agentThought(let body): try body.encode(to: encoder)
    case .agentOutput(let body): try body.encode(to: encoder)
    case .toolCall(let body): try body.encode(to: encoder)
    case .toolUpdate(let body): try body.encode(to: encoder)
    case .plan(let body): try body.encode(to: encoder)
    case .permissionAnswered(let body): try body.encode(to: encoder)
    case .usage(let body): try body.encode(to: encoder)
    case .commitCreated(let body): try body.encode(to: encoder)
    case .workSaved(let body): try body.encode(to: encoder)
    case .branchPushed(let body): try body.encode(to: encoder)
    case .artifactCreated(let body): try body.encode(to: encoder)
    case .pullRequestOpened(let body): try body.encode(to: encoder)
    case .pullRequestUpdated(let body): try body.encode(to: encoder)
    case .pullRequestMerged(let body): try body.encode(to: encoder)
    case .pullRequestClosed(let body): try body.encode(to: encoder)
    case .snapshotTaken(let body): try body.encode(to: encoder)
    case .turnFinished(let body): try body.encode(to: encoder)
    case .notice(let body): try body.encode(to: encoder)
    case .unknown(_, let body): try body.encode(to: encoder)
    }
  }
}
