import Foundation

/// A prompt that waits says something else now. Whoever wrote the text is its author: nobody speaks in another's name.
public struct PromptEdited: Sendable, Codable, Equatable {
  public var prompt: PromptID
  /// The beginning of a long text; the session has the whole.
  public var text: String
  public var author: Author
  public init(prompt: PromptID, text: String, author: Author) {
    self.prompt = prompt
    self.text = text
    self.author = author
  }
}

/// The queue has another order.
public struct PromptMoved: Sendable, Codable, Equatable {
  public var prompt: PromptID
  public var by: UserID
  /// Every prompt that waits, the next one first.
  public var queue: [PromptID]
  public init(prompt: PromptID, by: UserID, queue: [PromptID]) {
    self.prompt = prompt
    self.by = by
    self.queue = queue
  }
}

/// A prompt was given to the running turn; the end of that turn is its end.
public struct PromptSteered: Sendable, Codable, Equatable {
  public var prompt: PromptID
  public var author: Author
  public init(prompt: PromptID, author: Author) {
    self.prompt = prompt
    self.author = author
  }
}

/// A prompt that was to reach the running turn can't: it is next in line.
public struct PromptDeferred: Sendable, Codable, Equatable {
  public var prompt: PromptID
  public var reason: String
  public init(prompt: PromptID, reason: String) {
    self.prompt = prompt
    self.reason = reason
  }
}

/// Someone stops the running turn.
public struct TurnStopping: Sendable, Codable, Equatable {
  public var by: Author
  /// The prompt for which room is made.
  public var interruptedFor: PromptID?
  public init(by: Author, interruptedFor: PromptID? = nil) {
    self.by = by
    self.interruptedFor = interruptedFor
  }
}

/// The agent of this session started another one.
public struct ChildStarted: Sendable, Codable, Equatable {
  public var session: SessionID
  public var title: String
  public init(session: SessionID, title: String) {
    self.session = session
    self.title = title
  }
}
