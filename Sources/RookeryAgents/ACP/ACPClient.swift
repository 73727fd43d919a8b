import Foundation
import RookeryModel

/// The client's side of the Agent Client Protocol (version 1), as a value without I/O.
///
/// Its owner feeds it the agent's stdout line by line and does what the returned actions say. The whole conversation is in the
/// value: stored together with the events that it emitted and the offset that it read to, it goes on after a crash exactly where
/// it was, whatever the agent does meanwhile.
///
/// States, and what moves between them:
/// `created` —begin→ `initializing` —result→ `opening` —result→ `ready` —prompt→ `prompting` —result→ `ready`;
/// `prompting` —cancel→ `cancelling` —result→ `ready`; any of them —error→ `failed`, which is final.
package struct ACPClient: Sendable, Equatable {
  /// Where the conversation stands.
  package enum Phase: String, Sendable, Codable {
    case created, initializing, opening, ready, prompting, cancelling, failed
  }

  var state: State

  /// - Parameters:
  ///   - agent: what was started.
  ///   - directory: the agent's working directory, absolute.
  ///   - sessionID: the `agentSession` of an earlier process of this agent, whose conversation is to be continued.
  ///   - history: what was said before, in words. Where the earlier conversation can't be loaded, the first prompt begins with it.
  ///   - policy: how the agent's requests for permission are answered.
  ///   - tools: servers of tools that the agent is given, as ACP's `mcpServers` has them.
  package init(
    agent: AgentDefinition, directory: String, resume sessionID: String?, history: String? = nil, policy: PermissionPolicy? = nil,
    tools: [JSONValue] = []
  ) {
    state = State(agent: agent.name, title: agent.title, directory: directory, resume: sessionID, history: history)
    state.policy = policy
    state.tools = tools.isEmpty ? nil : tools
  }

  package var phase: Phase { state.phase }

  /// The agent's id of the open conversation.
  package var agentSession: String? { state.session }

  /// Opens the conversation. Call it once, when the process was started; later calls do nothing.
  package mutating func begin() -> [ACPAction] {
    guard state.phase == .created else { return [] }
    state.phase = .initializing
    return [
      request(
        .initialize,
        [
          "protocolVersion": 1,
          "clientCapabilities": ["fs": ["readTextFile": false, "writeTextFile": false], "terminal": false],
          "clientInfo": ["name": "rookery", "title": "Rookery", "version": "1"],
        ])
    ]
  }

  /// Takes one line of the agent's stdout, without its newline. Whatever it holds, the outcome is actions.
  package mutating func receive(line: [UInt8]) -> [ACPAction] {
    guard state.phase != .failed else { return [] }
    switch ACPMessage(line: line) {
    case .blank: return []
    case .noise(let text): return EventBounds.pieces(of: text + "\n").map { .emit(.agentOutput(.init(stream: .stdout, text: $0))) }
    case .tooComplex:
      return fail(
        RookeryError(
          .agentProtocol, "\(state.title) sent a message with too many or too deeply nested values.",
          mend: "Report this to the agent's makers, or use another agent."))
    case .response(let id, let result): return receive(result, of: id)
    case .request(let id, let method, let parameters): return answer(id: id, method: method, parameters: parameters)
    case .notification("session/update", let parameters): return update(parameters)
    case .notification: return []
    }
  }

  /// Starts a turn, at once when the conversation is ready, else as soon as it is. Each prompt is answered by exactly one
  /// `turnEnded`, or by `failed`.
  package mutating func prompt(_ text: String, files: [PromptFile] = []) -> [ACPAction] {
    if let failure = state.failure { return [.failed(failure)] }
    state.queue.append(QueuedPrompt(text: text, files: files.isEmpty ? nil : files))
    return state.phase == .ready ? startQueued() : []
  }

  /// Asks the agent to end the running turn; prompts that wait end as `cancelled` without being sent. The turn is over with its
  /// `turnEnded`, which may take the agent a while. Does nothing when there is nothing to cancel.
  package mutating func cancel() -> [ACPAction] {
    for index in state.queue.indices { state.queue[index].cancelled = true }
    guard state.phase == .prompting, let session = state.session else {
      let waiting = state.queue.filter(\.cancelled).count
      guard [.created, .initializing, .opening].contains(state.phase) else { return [] }
      state.queue = []
      return Array(repeating: .turnEnded(stopReason: "cancelled"), count: waiting)
    }
    state.phase = .cancelling
    // The order that the protocol asks for: open requests are answered, then the turn ends.
    return withdrawQuestions(tell: true) + [.send(line: ACPMessage.notification("session/cancel", ["sessionId": .string(session)]))]
  }
}

/// The stored form: a version beside the state, so that a later version can read what this one wrote.
extension ACPClient: Codable {
  private enum CodingKeys: String, CodingKey { case version, state }
  private static let version = 1

  /// Throws when the state was written by a newer version.
  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let version = try container.decode(Int.self, forKey: .version)
    guard version == Self.version else {
      throw DecodingError.dataCorruptedError(
        forKey: .version, in: container, debugDescription: "ACP state of version \(version), not \(Self.version)")
    }
    state = try container.decode(State.self, forKey: .state)
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(Self.version, forKey: .version)
    try container.encode(state, forKey: .state)
  }
}
