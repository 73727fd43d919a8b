import Foundation

/// What happened. The wire name of each case is its `kind`; see docs/protocol.md.
public enum EventPayload: Sendable, Equatable {
  case sessionCreated(SessionCreated)
  case promptQueued(PromptQueued)
  case promptCancelled(PromptCancelled)
  case turnStarted(TurnStarted)
  case stepFinished(StepFinished)
  case sandboxReady(SandboxReady)
  case sandboxLost(SandboxLost)
  case limitHit(LimitHit)
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
  case snapshotTaken(SnapshotTaken)
  case turnFinished(TurnFinished)
  case notice(Notice)
  /// Written by a newer version than this one: kept, shown as its kind.
  case unknown(kind: String, body: JSONValue)
}

public struct SessionCreated: Sendable, Codable, Equatable {
  public var repository: RepositoryName
  public var branch: String
  public var agent: AgentName
  public var owner: Author
  public init(repository: RepositoryName, branch: String, agent: AgentName, owner: Author) {
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
  public init(prompt: PromptID, text: String, author: Author) {
    self.prompt = prompt
    self.text = text
    self.author = author
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
  case sandbox, checkout, agent, work, commit, push, pullRequest = "pull_request"
}

public struct SandboxReady: Sendable, Codable, Equatable {
  public enum Source: String, Sendable, Codable { case running, image, snapshot }
  public var sandbox: SandboxID
  public var source: Source
  public var image: ImageID?
  public var commit: String?
  public init(sandbox: SandboxID, source: Source, image: ImageID?, commit: String?) {
    self.sandbox = sandbox
    self.source = source
    self.image = image
    self.commit = commit
  }
}

public struct SandboxLost: Sendable, Codable, Equatable {
  public var sandbox: SandboxID
  public var reason: String
  public init(sandbox: SandboxID, reason: String) {
    self.sandbox = sandbox
    self.reason = reason
  }
}

public struct LimitHit: Sendable, Codable, Equatable {
  public var limit: LimitName
  public var detail: String
  public init(limit: LimitName, detail: String) {
    self.limit = limit
    self.detail = detail
  }
}

public struct AgentStarted: Sendable, Codable, Equatable {
  public var agent: AgentName
  /// What the agent says of itself, where it does.
  public var title: String
  public var version: String?
  /// Whether an earlier conversation was loaded.
  public var resumed: Bool
  public init(agent: AgentName, title: String, version: String?, resumed: Bool) {
    self.agent = agent
    self.title = title
    self.version = version
    self.resumed = resumed
  }
}

public struct TextChunk: Sendable, Codable, Equatable {
  public var text: String
  public init(text: String) { self.text = text }
}

public struct OutputChunk: Sendable, Codable, Equatable {
  public enum Stream: String, Sendable, Codable { case stdout, stderr }
  public var stream: Stream
  public var text: String
  public init(stream: Stream, text: String) {
    self.stream = stream
    self.text = text
  }
}

/// ACP's `tool_call`.
public struct ToolCall: Sendable, Codable, Equatable {
  public var id: String
  public var title: String
  public var kind: String
  public var status: String
  public var content: [ToolContent]
  public var locations: [ToolLocation]
  public var input: JSONValue?
  public init(
    id: String, title: String, kind: String, status: String, content: [ToolContent], locations: [ToolLocation], input: JSONValue?
  ) {
    self.id = id
    self.title = title
    self.kind = kind
    self.status = status
    self.content = content
    self.locations = locations
    self.input = input
  }
}

/// ACP's `tool_call_update`: absent members are unchanged.
public struct ToolUpdate: Sendable, Codable, Equatable {
  public var id: String
  public var title: String?
  public var kind: String?
  public var status: String?
  public var content: [ToolContent]?
  public var locations: [ToolLocation]?
  public var output: JSONValue?
  /// Where the agent says it only now.
  public var input: JSONValue?
  public init(
    id: String, title: String? = nil, kind: String? = nil, status: String? = nil, content: [ToolContent]? = nil,
    locations: [ToolLocation]? = nil, output: JSONValue? = nil, input: JSONValue? = nil
  ) {
    self.id = id
    self.title = title
    self.kind = kind
    self.status = status
    self.content = content
    self.locations = locations
    self.output = output
    self.input = input
  }
}

public enum ToolContent: Sendable, Codable, Equatable {
  case text(String)
  case diff(path: String, old: String?, new: String)
}

public struct ToolLocation: Sendable, Codable, Equatable {
  public var path: String
  public var line: Int?
  public init(path: String, line: Int?) {
    self.path = path
    self.line = line
  }
}

public struct Plan: Sendable, Codable, Equatable {
  public struct Entry: Sendable, Codable, Equatable {
    public var content: String
    public var priority: String
    public var status: String
    public init(content: String, priority: String, status: String) {
      self.content = content
      self.priority = priority
      self.status = status
    }
  }
  public var entries: [Entry]
  public init(entries: [Entry]) { self.entries = entries }
}

/// A permission that the agent asked for and what was answered by policy.
public struct PermissionAnswered: Sendable, Codable, Equatable {
  public var tool: String
  public var option: String
  public var allowed: Bool
  public init(tool: String, option: String, allowed: Bool) {
    self.tool = tool
    self.option = option
    self.allowed = allowed
  }
}

/// What the model behind the agent used since the last such event, as the gateway counted it.
public struct Usage: Sendable, Codable, Equatable {
  public var inputTokens: Int
  public var outputTokens: Int
  public var requests: Int
  public init(inputTokens: Int, outputTokens: Int, requests: Int) {
    self.inputTokens = inputTokens
    self.outputTokens = outputTokens
    self.requests = requests
  }
}

public struct CommitCreated: Sendable, Codable, Equatable {
  public var commit: String
  public var subject: String
  public var author: Author
  public var files: Int
  public var additions: Int
  public var deletions: Int
  public init(commit: String, subject: String, author: Author, files: Int, additions: Int, deletions: Int) {
    self.commit = commit
    self.subject = subject
    self.author = author
    self.files = files
    self.additions = additions
    self.deletions = deletions
  }
}

/// Work of an interrupted or failed turn, kept on a hidden ref that never reaches the forge.
public struct WorkSaved: Sendable, Codable, Equatable {
  public var ref: String
  public var commit: String
  public init(ref: String, commit: String) {
    self.ref = ref
    self.commit = commit
  }
}

public struct BranchPushed: Sendable, Codable, Equatable {
  public var branch: String
  public var commit: String
  /// The repository's URL, without credentials.
  public var remote: String
  public init(branch: String, commit: String, remote: String) {
    self.branch = branch
    self.commit = commit
    self.remote = remote
  }
}

/// Something a turn produced whose bytes are kept beside the log.
public struct Artifact: Sendable, Codable, Equatable {
  public enum Kind: String, Sendable, Codable { case diff, bundle, file, screenshot }
  public var id: ArtifactID
  public var kind: Kind
  public var name: String
  public var mediaType: String
  public var bytes: Int
  /// SHA-256 of the content, lower-case hex.
  public var digest: String
  public init(id: ArtifactID, kind: Kind, name: String, mediaType: String, bytes: Int, digest: String) {
    self.id = id
    self.kind = kind
    self.name = name
    self.mediaType = mediaType
    self.bytes = bytes
    self.digest = digest
  }
}

public struct PullRequest: Sendable, Codable, Equatable {
  public var number: Int
  public var url: String
  public var title: String
  public var author: String
  public init(number: Int, url: String, title: String, author: String) {
    self.number = number
    self.url = url
    self.title = title
    self.author = author
  }
}

public struct SnapshotTaken: Sendable, Codable, Equatable {
  public var snapshot: SnapshotID
  public var sandbox: SandboxID
  public init(snapshot: SnapshotID, sandbox: SandboxID) {
    self.snapshot = snapshot
    self.sandbox = sandbox
  }
}

/// The one terminal event of a prompt that ran.
public struct TurnFinished: Sendable, Codable, Equatable {
  public enum Result: String, Sendable, Codable { case completed, failed, interrupted }
  public var prompt: PromptID
  public var result: Result
  /// ACP's stop reason, or `exit N` for a command.
  public var stopReason: String?
  public var commit: String?
  public var error: RookeryError?
  public init(prompt: PromptID, result: Result, stopReason: String?, commit: String?, error: RookeryError?) {
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
