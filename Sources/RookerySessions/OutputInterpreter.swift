import Foundation
import RookeryAgents
import RookeryModel

/// What a batch of an agent process's output means: what to log, what to answer, and whether the work is over.
struct Interpretation: Equatable, Sendable {
  var events: [EventPayload] = []
  /// Lines for the process's stdin, newline included.
  var input: [[UInt8]] = []
  /// The agent's name for its conversation, once it has one.
  var agentSession: String?
  var ending: Ending?
  var exit: ProcessExit?
  /// Prompts that the running turn was given in vain.
  var refusedSteers: [RefusedSteer] = []
  /// What the agent asks the participants.
  var questions: [ACPQuestion] = []

  struct RefusedSteer: Equatable, Sendable {
    var prompt: PromptID
    var reason: String
  }

  struct Ending: Equatable, Sendable {
    var stopReason: String
    var succeeded: Bool
    var error: RookeryError?
  }
}

/// Turns the bytes of one agent process into events: a pure value whose durable part is `state` and `offsets`.
///
/// `offsets` only ever stand at the end of a line (protocol output) or of a character (plain output): bytes after them are read
/// again after a restart.
struct OutputInterpreter: Sendable {
  /// What is committed beside the offsets.
  enum State: Codable, Equatable, Sendable {
    case acp(ACPClient)
    case command
  }

  private(set) var state: State
  private(set) var offsets: StreamOffsets
  private var splitter: ACPLineSplitter
  private var stdout: CharacterBoundary
  private var stderr: CharacterBoundary

  init(state: State, offsets: StreamOffsets) {
    self.state = state
    self.offsets = offsets
    splitter = ACPLineSplitter(offset: offsets.stdout)
    stdout = CharacterBoundary(offset: offsets.stdout)
    stderr = CharacterBoundary(offset: offsets.stderr)
  }

  /// Consumes output in order; bytes before what is known already are skipped.
  mutating func consume(_ batch: [ProcessEvent]) -> Interpretation {
    var meaning = Interpretation()
    for event in batch {
      switch event {
      case .output(.stdout, let offset, let bytes):
        consumeStdout(bytes, at: offset, &meaning)
      case .output(.stderr, let offset, let bytes):
        let text = stderr.take(bytes, at: offset)
        offsets.stderr = stderr.offset
        if !text.isEmpty { meaning.events.append(.agentOutput(.init(stream: .stderr, text: text))) }
      case .exited(let exit):
        consumeExit(exit, &meaning)
      }
    }
    meaning.events = Self.joined(meaning.events)
    return meaning
  }

  /// Whether the agent can be asked to stop, rather than only signalled.
  var canCancel: Bool { if case .acp = state { true } else { false } }

  /// Whether the agent takes prompts now or has one.
  var isOpen: Bool {
    if case .acp(let client) = state { ![.created, .initializing, .opening].contains(client.phase) } else { true }
  }

  /// Whether the conversation is beyond repair though its process lives.
  var hasFailed: Bool { if case .acp(let client) = state { client.phase == .failed } else { false } }

  /// Starts the conversation.
  mutating func begin() -> Interpretation { act { $0.begin() } }
  /// Gives the prompt to the agent.
  mutating func prompt(_ text: String, files: [PromptFile] = []) -> Interpretation { act { $0.prompt(text, files: files) } }
  /// Whether the running turn can be told more.
  var canSteer: Bool { if case .acp(let client) = state { client.canSteer } else { false } }
  /// Gives the running turn another prompt.
  mutating func steer(_ prompt: PromptID, _ text: String, files: [PromptFile] = []) -> Interpretation {
    act { $0.steer(prompt, text, files: files) ?? [.steerRefused(prompt, reason: "The turn can't be told anything now.")] }
  }
  /// What the agent asked and nobody answered yet.
  var questions: [ACPQuestion] { if case .acp(let client) = state { client.questions } else { [] } }
  /// Answers a question of the agent's.
  mutating func answer(_ question: Int, option: Int?, answered: PermissionAnswered) -> Interpretation {
    act { $0.answerPermission(question, option: option, answered: answered) }
  }
  /// Asks the agent to stop.
  mutating func cancel() -> Interpretation { act { $0.cancel() } }

  private mutating func act(_ body: (inout ACPClient) -> [ACPAction]) -> Interpretation {
    var meaning = Interpretation()
    if case .acp(var client) = state {
      let actions = body(&client)
      state = .acp(client)
      Self.apply(actions, to: &meaning)
    }
    return meaning
  }

  private mutating func consumeStdout(_ bytes: [UInt8], at offset: UInt64, _ meaning: inout Interpretation) {
    switch state {
    case .command:
      let text = stdout.take(bytes, at: offset)
      offsets.stdout = stdout.offset
      if !text.isEmpty { meaning.events.append(.agentOutput(.init(stream: .stdout, text: text))) }
    case .acp(var client):
      do {
        for line in try splitter.append(offset: offset, bytes: bytes) {
          Self.apply(client.receive(line: line.bytes), to: &meaning)
          offsets.stdout = line.end
        }
      } catch {
        meaning.ending = meaning.ending ?? .init(stopReason: "protocol", succeeded: false, error: error)
      }
      state = .acp(client)
    }
  }

  private mutating func consumeExit(_ exit: ProcessExit, _ meaning: inout Interpretation) {
    meaning.exit = exit
    let (rest, errors) = (stdout.rest(), stderr.rest())
    if case .command = state {
      if !rest.isEmpty { meaning.events.append(.agentOutput(.init(stream: .stdout, text: rest))) }
      offsets.stdout = stdout.offset
    }
    if !errors.isEmpty { meaning.events.append(.agentOutput(.init(stream: .stderr, text: errors))) }
    offsets.stderr = stderr.offset
    guard meaning.ending == nil else { return }
    switch state {
    case .command:
      meaning.ending = .init(
        stopReason: exit.text, succeeded: exit.succeeded,
        error: exit.succeeded
          ? nil : RookeryError(.agentFailed, "The command ended with \(exit.text).", mend: "Its output above says why."))
    case .acp:
      meaning.ending = .init(
        stopReason: exit.text, succeeded: false,
        error: RookeryError(
          .agentFailed, "The agent ended (\(exit.text)) before it answered.",
          mend: "Its output above may say why; a new prompt starts it again."))
    }
  }

  private static func apply(_ actions: [ACPAction], to meaning: inout Interpretation) {
    for action in actions {
      switch action {
      case .send(let line): meaning.input.append(line + [UInt8(ascii: "\n")])
      case .emit(let payload): meaning.events.append(payload)
      case .ready(let session): meaning.agentSession = session
      case .turnEnded(let reason):
        let refused = reason == "refusal"
        meaning.ending = .init(
          stopReason: reason, succeeded: !refused && reason != "cancelled",
          error: refused ? RookeryError(.agentFailed, "The model refused the request.", mend: "Word it differently.") : nil)
      case .steerRefused(let prompt, let reason): meaning.refusedSteers.append(.init(prompt: prompt, reason: reason))
      case .ask(let question): meaning.questions.append(question)
      case .failed(let error):
        meaning.ending = .init(stopReason: "error", succeeded: false, error: error)
      }
    }
  }

  /// Joins adjacent chunks of the same kind, so that a burst of tokens is one event.
  private static func joined(_ events: [EventPayload]) -> [EventPayload] {
    var result: [EventPayload] = []
    for event in events {
      switch (result.last, event) {
      case (.agentMessage(let before), .agentMessage(let next)) where before.text.utf8.count + next.text.utf8.count <= maximumText:
        result[result.count - 1] = .agentMessage(.init(text: before.text + next.text))
      case (.agentThought(let before), .agentThought(let next)) where before.text.utf8.count + next.text.utf8.count <= maximumText:
        result[result.count - 1] = .agentThought(.init(text: before.text + next.text))
      case (.agentOutput(let before), .agentOutput(let next))
      where before.stream == next.stream && before.text.utf8.count + next.text.utf8.count <= maximumText:
        result[result.count - 1] = .agentOutput(.init(stream: before.stream, text: before.text + next.text))
      default:
        result.append(event)
      }
    }
    return result
  }

  /// Keeps an event well under 256 KiB even where JSON escapes every byte of its text.
  private static let maximumText = 32 << 10
}

/// Cuts a stream of bytes into text at character boundaries, so that no character is torn between two events.
struct CharacterBoundary: Sendable {
  /// Everything before has been returned as text.
  private(set) var offset: UInt64
  private var pending: [UInt8] = []

  init(offset: UInt64) { self.offset = offset }

  /// The text that is complete now; at most three bytes wait for their rest.
  mutating func take(_ bytes: [UInt8], at start: UInt64) -> String {
    let known = offset + UInt64(pending.count)
    guard start + UInt64(bytes.count) > known else { return "" }
    pending.append(contentsOf: bytes.dropFirst(Int(known - min(start, known))))
    let complete = pending.count - Self.incompleteTail(of: pending)
    let text = String(decoding: pending[..<complete], as: UTF8.self)
    pending.removeFirst(complete)
    offset += UInt64(complete)
    return text
  }

  /// What waits still, when no more will come.
  mutating func rest() -> String {
    let text = String(decoding: pending, as: UTF8.self)
    offset += UInt64(pending.count)
    pending = []
    return text
  }

  /// How many bytes at the end begin a character without finishing it.
  private static func incompleteTail(of bytes: [UInt8]) -> Int {
    for length in 1...3 where length <= bytes.count {
      let byte = bytes[bytes.count - length]
      if byte & 0b1100_0000 == 0b1000_0000 { continue }
      let needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1
      return needed > length ? length : 0
    }
    return 0
  }
}
