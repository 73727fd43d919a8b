import Foundation

/// What happened. The wire name of each case is its `kind`; see docs/protocol.md.
public enum EventPayload: Sendable, Equatable {
  case sessionCreated(SessionCreated)
  case promptQueued(PromptQueued)
  case promptCancelled(PromptCancelled)
  case turnStarted(TurnStarted)
  case stepFinished(StepFinished)
  case sandboxReady(SandboxReady)
  /// The session waits for room on the host before it gets a sandbox.
  case sandboxAwaited(SandboxAwaited)
  case sandboxPaused(SandboxPaused)
  case sandboxResumed(SandboxResumed)
  case sandboxLost(SandboxLost)
  /// A limit is near: what will happen at it can still be avoided.
  case limitWarning(LimitWarning)
  case limitHit(LimitHit)
  /// The sandbox asked for something outside that its policy refuses.
  case networkRefused(NetworkRefused)
  /// One of the repository's own services became ready, failed or ended.
  case serviceChanged(ServiceChanged)
  case agentStarted(AgentStarted)
  case agentMessage(TextChunk)
  case agentThought(TextChunk)
  /// Bytes that an agent or a command wrote outside the protocol: its stderr, a script's stdout.
  case agentOutput(OutputChunk)
  case toolCall(ToolCall)
  case toolUpdate(ToolUpdate)
  case plan(Plan)
  case permissionAnswered(PermissionAnswered)
  case usage(Usage)
  case commitCreated(CommitCreated)
  case workSaved(WorkSaved)
  case branchPushed(BranchPushed)
  case artifactCreated(Artifact)
  case pullRequestOpened(PullRequest)
  case pullRequestUpdated(PullRequest)
  case pullRequestMerged(PullRequestMerged)
  /// Closed without a merge.
  case pullRequestClosed(PullRequestClosed)
  case snapshotTaken(SnapshotTaken)
  case turnFinished(TurnFinished)
  case notice(Notice)
  /// Written by a newer version than this one: kept, shown as its kind.
  case unknown(kind: String, body: JSONValue)
}
