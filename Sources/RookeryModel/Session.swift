import Foundation

/// One conversation about a repository, as clients see it.
public struct SessionSummary: Sendable, Codable, Equatable {
  public enum State: String, Sendable, Codable { case idle, queued, running, stopping }
  public var id: SessionID
  public var repository: RepositoryName
  public var branch: String
  public var agent: AgentName
  public var owner: Author
  /// The first line of the first prompt.
  public var title: String
  public var state: State
  public var created: Date
  public var updated: Date
  /// The newest event's `seq`; a client that has it has everything.
  public var seq: Int64
  /// Changes when the session was restored from an older point: cursors from before are void.
  public var generation: Int
  public var pullRequest: PullRequest?
  public var lastResult: TurnFinished.Result?
  /// Absent: as the server's default was before it could be chosen, everyone.
  public var access: SessionAccess?
  public var participants: [Participant]?
  /// The session whose agent started this one.
  public var parent: SessionID?

  public init(
    id: SessionID, repository: RepositoryName, branch: String, agent: AgentName, owner: Author, title: String, state: State,
    created: Date, updated: Date, seq: Int64, generation: Int, pullRequest: PullRequest? = nil,
    lastResult: TurnFinished.Result? = nil
  ) {
    self.id = id
    self.repository = repository
    self.branch = branch
    self.agent = agent
    self.owner = owner
    self.title = title
    self.state = state
    self.created = created
    self.updated = updated
    self.seq = seq
    self.generation = generation
    self.pullRequest = pullRequest
    self.lastResult = lastResult
  }
}

/// A message in the session's queue.
public struct Prompt: Sendable, Codable, Equatable {
  public enum State: String, Sendable, Codable { case queued, running, completed, failed, interrupted, cancelled }
  public var id: PromptID
  public var text: String
  public var author: Author
  public var state: State
  public var turn: Int?
  /// What it does to a turn that runs.
  public var mode: PromptMode
  public var attachments: [Attachment]?
  public init(
    id: PromptID, text: String, author: Author, state: State, turn: Int?, mode: PromptMode = .queue, attachments: [Attachment]? = nil
  ) {
    self.id = id
    self.text = text
    self.author = author
    self.state = state
    self.turn = turn
    self.mode = mode
    self.attachments = attachments
  }
}

/// What a prompt does to a turn that runs when it comes.
public enum PromptMode: String, Sendable, Codable, CaseIterable {
  /// Waits for its turn.
  case queue
  /// Reaches the running turn where the agent can take it in, else runs next.
  case steer
  /// Stops the running turn, whose work is kept, and runs next.
  case interrupt
}

/// A file that goes with a prompt; its bytes are found by its digest.
public struct Attachment: Sendable, Codable, Equatable, Hashable {
  /// A file's name, without directories.
  public var name: String
  public var mediaType: String
  public var bytes: Int
  /// SHA-256 of the content, lower-case hex.
  public var digest: String
  public init(name: String, mediaType: String, bytes: Int, digest: String) {
    self.name = name
    self.mediaType = mediaType
    self.bytes = bytes
    self.digest = digest
  }
}
