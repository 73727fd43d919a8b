import RookeryModel

/// What the owner of an `ACPClient` must do, in order.
package enum ACPAction: Sendable, Equatable {
  /// Write this JSON-RPC line, and a newline after it, to the agent's stdin.
  case send(line: [UInt8])
  /// Append this event to the session's log. Adjacent text chunks are not joined.
  case emit(EventPayload)
  /// The conversation is open; `agentSession` is the agent's own id of it, for a later resume.
  case ready(agentSession: String)
  /// The turn of one `prompt` is over. `stopReason` is ACP's: `end_turn`, `max_tokens`, `max_turn_requests`, `refusal` or
  /// `cancelled`, or a word of the agent's own.
  case turnEnded(stopReason: String)
  /// A prompt given by `steer` was not taken into the turn: it must be given again, on its own.
  case steerRefused(PromptID, reason: String)
  /// The participants are to be asked; the answer goes to `answerPermission`.
  case ask(ACPQuestion)
  /// The conversation can't go on: the agent must be ended. Later prompts of this client return the same failure.
  case failed(RookeryError)
}

/// A permission that the agent waits for.
package struct ACPQuestion: Sendable, Codable, Equatable {
  /// Unique among those of this client.
  package var number: Int
  /// The agent's id of the tool call.
  package var call: String?
  package var tool: String
  /// The command, or what else the tool is about.
  package var about: String
  package var options: [PermissionChoice]
  /// The agent's id of its request.
  var request: JSONValue
}
