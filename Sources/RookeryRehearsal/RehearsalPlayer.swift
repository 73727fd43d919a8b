import RookeryModel

/// Decides what the rehearsal model answers. It remembers nothing: where a conversation stands is read from its messages, so any
/// number of conversations, retries and restarts need no care.
struct RehearsalPlayer {
  struct Reply: Equatable {
    var text: String
    var call: ChatRequest.Call?
  }

  let script: RehearsalScript
  private let turns: [RehearsalTurn]

  /// Throws `configurationInvalid` for a script without an end.
  init(_ script: RehearsalScript) throws {
    self.script = script
    turns = try script.turns()
  }

  func reply(to request: ChatRequest) throws(RehearsalFailure) -> Reply {
    // Agents ask for titles and summaries without offering tools; nothing of the script is meant for those.
    guard !request.tools.isEmpty else { return Reply(text: "Rehearsal: \(script.name)", call: nil) }
    let start = (request.messages.lastIndex { if case .user = $0 { true } else { false } }) ?? 0
    let turn = turn(of: request.messages[..<start])
    let recent = request.messages[start...]
    let played = recent.compactMap { message -> ChatRequest.Call? in
      if case .assistant(_, let calls) = message { calls.first } else { nil }
    }
    if let last = played.last {
      guard played.count <= turn.moves.count else {
        throw RehearsalFailure("The agent reports \(played.count) tool calls of \(turn.moves.count) that the script has.")
      }
      try verify(turn.moves[played.count - 1], number: played.count, call: last, in: recent)
    } else {
      try verify(prompts: turn.prompts, in: recent)
    }
    guard played.count < turn.moves.count else { return Reply(text: turn.finish, call: nil) }
    let move = turn.moves[played.count]
    let use = try use(for: move.action, tools: request.tools, directory: directory(in: request.messages))
    guard let arguments = try? JSON.encode(use.arguments) else {
      throw RehearsalFailure("The arguments of step \(played.count + 1) can't be written as JSON.")
    }
    let id = "call_\(played.count + 1)_\(Int.random(in: 100_000...999_999))"
    return Reply(
      text: move.says, call: .init(id: id, name: use.name, arguments: String(decoding: arguments, as: UTF8.self)))
  }

  /// The turn to play after `messages`: the one after those whose last words were said.
  private func turn(of messages: ArraySlice<ChatRequest.Message>) -> RehearsalTurn {
    var index = 0
    for message in messages {
      guard case .assistant(let text, let calls) = message, calls.isEmpty, index < turns.count - 1 else { continue }
      if Self.trimmed(text).contains(Self.trimmed(turns[index].finish)) { index += 1 }
    }
    return turns[index]
  }

  private func verify(prompts: [String], in messages: ArraySlice<ChatRequest.Message>) throws(RehearsalFailure) {
    guard case .user(let prompt) = messages.first else { throw RehearsalFailure("The request has no message of a user.") }
    for text in prompts where !prompt.contains(text) {
      throw RehearsalFailure("The prompt does not contain “\(text)”.")
    }
  }

  private func verify(
    _ move: RehearsalTurn.Move, number: Int, call: ChatRequest.Call, in messages: ArraySlice<ChatRequest.Message>
  ) throws(RehearsalFailure) {
    let result = messages.reversed().lazy.compactMap { message -> String? in
      if case .tool(let text, let id) = message, id == call.id { text } else { nil }
    }.first
    guard let result else { throw RehearsalFailure("Step \(number) (\(call.name)): the request does not carry its result.") }
    for text in move.expects where !result.contains(text) {
      throw RehearsalFailure("Step \(number) (\(call.name)): its result does not contain “\(text)”, but: \(Self.tail(result))")
    }
    if case .write = move.action { return }
    guard let proof = RehearsalProof(in: call.arguments) else {
      throw RehearsalFailure("Step \(number) (\(call.name)): the command comes back without its random numbers.")
    }
    guard let outcome = proof.outcome(in: result) else {
      throw RehearsalFailure(
        "Step \(number) (\(call.name)): the result lacks the value that only the command's output holds; it is: \(Self.tail(result))")
    }
    guard outcome.status == 0 else {
      let what = if case .check(let path, _) = move.action { "\(path) was not written as told" } else { "the command failed" }
      throw RehearsalFailure("Step \(number) (\(call.name)): \(what) (status \(outcome.status)): \(Self.tail(result))")
    }
  }

  private func use(
    for action: RehearsalTurn.Move.Action, tools: OfferedTools, directory: String?
  ) throws(RehearsalFailure) -> OfferedTools.Use {
    let command: String
    switch action {
    case .run(let text): command = text
    case .check(let path, let content): command = RehearsalProof.check(path: path, content: content)
    case .write(let path, let content):
      if let use = tools.write(path: path, content: content, in: directory) { return use }
      let quoted = RehearsalProof.quoted(path)
      command = "mkdir -p \"$(dirname \(quoted))\" && printf %s \(RehearsalProof.quoted(content)) > \(quoted)"
    }
    guard let use = tools.shell(RehearsalProof.random().wrap(command)) else {
      throw RehearsalFailure("The agent offers no tool that runs shell commands, only: \(tools.names)")
    }
    return use
  }

  /// Where the agent's commands run, once one has said it.
  private func directory(in messages: [ChatRequest.Message]) -> String? {
    var proof: RehearsalProof?
    var directory: String?
    for message in messages {
      switch message {
      case .assistant(_, let calls): proof = calls.first.flatMap { RehearsalProof(in: $0.arguments) }
      case .tool(let text, _): directory = proof?.outcome(in: text)?.directory ?? directory
      default: continue
      }
    }
    return directory
  }

  private static func trimmed(_ text: String) -> String { text.split(whereSeparator: \.isWhitespace).joined(separator: " ") }
  private static func tail(_ text: String) -> String { text.count > 600 ? "…" + text.suffix(600) : text }
}
