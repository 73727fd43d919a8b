import Foundation

public struct AgentStarted: Sendable, Codable, Equatable {
  public var agent: AgentName
  /// What the agent says of itself, where it does.
  public var title: String
  public var version: String?
  public enum Conversation: String, Sendable, Codable {
    case new
    /// The agent loaded its own record of the earlier turns.
    case resumed
    /// The agent has none: it was given the transcript.
    case retold
  }
  public var conversation: Conversation
  public init(agent: AgentName, title: String, version: String?, conversation: Conversation) {
    self.agent = agent
    self.title = title
    self.version = version
    self.conversation = conversation
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

/// A permission that the agent asks the participants for.
public struct PermissionRequested: Sendable, Codable, Equatable {
  public struct Option: Sendable, Codable, Equatable {
    /// Names it in the answer; dense from 0.
    public var number: Int
    public var name: String
    public var allows: Bool
    /// Whether the agent will not ask again for the like.
    public var always: Bool
    public init(number: Int, name: String, allows: Bool, always: Bool) {
      self.number = number
      self.name = name
      self.allows = allows
      self.always = always
    }
  }

  /// Unique in the session.
  public var id: String
  /// The agent's id of the tool call, where it has one.
  public var call: String?
  public var tool: String
  /// The command, or what else the tool is to do; shortened.
  public var detail: String
  public var options: [Option]
  /// When the safe answer is given for want of another.
  public var deadline: Date
  public init(id: String, call: String?, tool: String, detail: String, options: [Option], deadline: Date) {
    self.id = id
    self.call = call
    self.tool = tool
    self.detail = detail
    self.options = options
    self.deadline = deadline
  }
}

/// A permission that the agent asked for and what was answered.
public struct PermissionAnswered: Sendable, Codable, Equatable {
  public enum Source: String, Sendable, Codable { case policy, participant, timeout, stop }
  public var tool: String
  public var option: String
  public var allowed: Bool
  /// Of the request, where participants were asked.
  public var id: String?
  /// Absent: by policy.
  public var source: Source?
  public var by: Author?
  public init(tool: String, option: String, allowed: Bool, id: String? = nil, source: Source? = nil, by: Author? = nil) {
    self.tool = tool
    self.option = option
    self.allowed = allowed
    self.id = id
    self.source = source
    self.by = by
  }
}

/// What the model behind the agent used since the last such event, as the gateway counted it.
public struct Usage: Sendable, Codable, Equatable {
  public var inputTokens: Int
  public var outputTokens: Int
  public var requests: Int
  /// Millionths of a US dollar, by the prices of the configuration; nil: the model has no price there.
  public var costMicroUSD: Int?
  public init(inputTokens: Int, outputTokens: Int, requests: Int, costMicroUSD: Int? = nil) {
    self.inputTokens = inputTokens
    self.outputTokens = outputTokens
    self.requests = requests
    self.costMicroUSD = costMicroUSD
  }
}
