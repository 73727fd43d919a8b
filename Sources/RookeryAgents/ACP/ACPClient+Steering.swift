import RookeryModel

/// More words for a turn that runs. ACP itself has no such call; agents that can do it announce the extension `_session/steering`.
extension ACPClient {
  /// Whether `steer` would reach a turn now.
  package var canSteer: Bool { state.steers == true && state.phase == .prompting && state.heldEnd == nil }

  /// Gives the running turn another prompt; nil when it can't be told anything. The turn then ends only when the agent has said
  /// whether it took the prompt in; where it did not, `steerRefused` comes before the end.
  package mutating func steer(_ prompt: PromptID, _ text: String, files: [PromptFile] = []) -> [ACPAction]? {
    guard canSteer, let session = state.session else { return nil }
    let id = state.nextRequest
    state.nextRequest += 1
    state.steering = (state.steering ?? []) + [Steer(request: id, prompt: prompt)]
    let parameters: JSONValue = [
      "sessionId": .string(session), "prompt": content(text, files: files),
      // A turn that has just ended takes nothing in: the prompt then runs by itself, as any other.
      "_meta": ["steering": ["idleBehavior": "promptRequired"]],
    ]
    return [.send(line: ACPMessage.request(id: id, "_session/steering", parameters))]
  }

  mutating func steered(_ steer: Steer, _ result: Result<JSONValue, ACPRemoteError>) -> [ACPAction] {
    let rest = (state.steering ?? []).filter { $0 != steer }
    state.steering = rest.isEmpty ? nil : rest
    var actions: [ACPAction] = []
    switch result {
    case .success(let answer):
      switch answer["outcome"]?.string {
      case "injected", "startedNewTurn": break
      case "promptRequired": actions.append(.steerRefused(steer.prompt, reason: "The turn had just ended."))
      default: actions.append(.steerRefused(steer.prompt, reason: "\(state.title) did not take it in."))
      }
    case .failure(let error):
      actions.append(.steerRefused(steer.prompt, reason: "\(state.title) did not take it in: \(EventBounds.line(error.summary, to: 300))"))
    }
    if state.steering == nil, let held = state.heldEnd { actions += endTurn(held) }
    return actions
  }
}
