import Foundation

public struct SessionCreated: Sendable, Codable, Equatable {
  public var repository: RepositoryName
  public var branch: String
  public var agent: AgentName
  public var owner: Author
  /// The session that this one continues from, and its newest event that this one shares.
  public var forkedFrom: Fork?
  public struct Fork: Sendable, Codable, Equatable {
    public var session: SessionID
    public var seq: Int64
    public init(session: SessionID, seq: Int64) {
      self.session = session
      self.seq = seq
    }
  }
  /// The session whose agent started this one.
  public var parent: SessionID?
  public init(
    repository: RepositoryName, branch: String, agent: AgentName, owner: Author, forkedFrom: Fork? = nil, parent: SessionID? = nil
  ) {
    self.parent = parent
    self.forkedFrom = forkedFrom
    self.repository = repository
    self.branch = branch
    self.agent = agent
    self.owner = owner
  }
}

public struct PromptQueued: Sendable, Codable, Equatable {
  public var prompt: PromptID
  public var text: String
  public var author: Author
  /// Absent: it waits for its turn.
  public var mode: PromptMode?
  public var attachments: [Attachment]?
  public init(prompt: PromptID, text: String, author: Author, mode: PromptMode? = nil, attachments: [Attachment]? = nil) {
    self.prompt = prompt
    self.text = text
    self.author = author
    self.mode = mode
    self.attachments = attachments
  }
}

public struct PromptCancelled: Sendable, Codable, Equatable {
  public var prompt: PromptID
  public var by: UserID
  public init(prompt: PromptID, by: UserID) {
    self.prompt = prompt
    self.by = by
  }
}

public struct TurnStarted: Sendable, Codable, Equatable {
  public var prompt: PromptID
  public var author: Author
  public init(prompt: PromptID, author: Author) {
    self.prompt = prompt
    self.author = author
  }
}

/// A step of the turn's own machinery (not the agent's): how long people waited for it.
public struct StepFinished: Sendable, Codable, Equatable {
  public var step: TurnStep
  public var milliseconds: Int
  public init(step: TurnStep, milliseconds: Int) {
    self.step = step
    self.milliseconds = milliseconds
  }
}

public enum TurnStep: String, Sendable, Codable, CaseIterable {
  case sandbox, checkout, agent, work, commit, push, pullRequest = "pull_request", snapshot
}

/// The one terminal event of a prompt that ran.
public struct TurnFinished: Sendable, Codable, Equatable {
  public enum Result: String, Sendable, Codable { case completed, failed, interrupted }
  public var prompt: PromptID
  public var result: Result
  /// ACP's stop reason, or `exit N` for a command.
  public var stopReason: String?
  public var commit: String?
  /// The sandbox's filesystem as the turn left it.
  public var snapshot: SnapshotID?
  public var error: RookeryError?
  /// Prompts that reached this turn while it ran: this is their terminal event, too.
  public var steered: [PromptID]?
  public init(
    prompt: PromptID, result: Result, stopReason: String?, commit: String?, snapshot: SnapshotID? = nil, error: RookeryError?,
    steered: [PromptID]? = nil
  ) {
    self.steered = steered
    self.snapshot = snapshot
    self.prompt = prompt
    self.result = result
    self.stopReason = stopReason
    self.commit = commit
    self.error = error
  }
}

public struct Notice: Sendable, Codable, Equatable {
  public enum Level: String, Sendable, Codable { case info, warning }
  public var level: Level
  public var text: String
  public init(level: Level, text: String) {
    self.level = level
    self.text = text
  }
}

/// A text was erased from the log up to here: who has old events in memory forgets them.
public struct HistoryRedacted: Sendable, Codable, Equatable {
  public var by: UserID
  /// Where in the log it stood.
  public var places: Int
  /// Snapshots that were given up since they may hold it.
  public var snapshots: Int
  public init(by: UserID, places: Int, snapshots: Int) {
    self.by = by
    self.places = places
    self.snapshots = snapshots
  }
}
