import RookeryModel

/// One prompt at a time, and how it ends.
extension ACPClient {
  /// Sends the oldest waiting prompt, after ending those before it that were cancelled.
  mutating func startQueued() -> [ACPAction] {
    var actions: [ACPAction] = []
    while let next = state.queue.first {
      state.queue.removeFirst()
      if next.cancelled {
        actions.append(.turnEnded(stopReason: "cancelled"))
        continue
      }
      state.phase = .prompting
      state.replaying = false
      state.announced = [:]
      actions.append(
        request(
          .prompt,
          ["sessionId": .string(state.session ?? ""), "prompt": content(retold(next.text), files: next.files ?? [])]))
      break
    }
    return actions
  }

  /// The prompt, behind the history that the agent still has to be told.
  private mutating func retold(_ prompt: String) -> String {
    guard let history = state.history else { return prompt }
    state.history = nil
    return """
      This conversation goes on from an earlier one, whose record follows. The files are as it left them.

      <record>
      \(history)
      </record>

      The new request:

      \(prompt)
      """
  }

  mutating func turnEnded(_ answer: JSONValue) -> [ACPAction] {
    // Some agents answer `null`, or without a reason: the turn is over all the same. A cancelled turn may end as `end_turn`.
    let reason = answer["stopReason"]?.string.map { EventBounds.line($0) } ?? (state.phase == .cancelling ? "cancelled" : "end_turn")
    return endTurn(reason)
  }

  /// Ends the turn, unless something that it was told is not answered yet: only the answer says whether that was taken in.
  mutating func endTurn(_ reason: String) -> [ACPAction] {
    if state.phase == .cancelling { state.steering = nil }
    guard state.steering == nil else {
      state.heldEnd = reason
      return []
    }
    state.phase = .ready
    state.heldEnd = nil
    return withdrawQuestions(tell: false) + [.turnEnded(stopReason: reason)] + startQueued()
  }

  mutating func turnFailed(_ error: ACPRemoteError) -> [ACPAction] {
    guard state.phase == .cancelling || error.code == ACPRemoteError.cancelled else {
      return fail(failure(error, during: .prompt))
    }
    return endTurn("cancelled")
  }

  /// The typed form of an agent's error: what it means for the person who asked.
  func failure(_ error: ACPRemoteError, during method: Method) -> RookeryError {
    let context = "\(method.rawValue): \(error.code) \(error.summary)"
    switch error.code {
    case ACPRemoteError.loginRequired:
      let ways = state.logins.isEmpty ? "" : " (it offers: \(state.logins.joined(separator: ", ")))"
      return RookeryError(
        .agentFailed, "\(state.title) asks for a login\(ways): \(error.summary)",
        mend: """
          Configure a model that this agent can use: set ROOKERY_MODEL_URL, ROOKERY_MODEL and ROOKERY_MODEL_KEY, or `model` in the \
          configuration, and restart the server.
          """, context: context)
    case -32700, -32600, -32601, -32602:
      return RookeryError(
        .agentProtocol, "\(state.title) refused \(method.rawValue): \(error.summary)",
        mend: "Check that the installed version speaks ACP version 1.", context: context)
    default:
      let what = method == .prompt ? "ended the turn with an error" : "could not start"
      return RookeryError(
        .agentFailed, "\(state.title) \(what): \(error.summary)",
        mend: "The agent's output in this session says more; if the model refused, check the model's URL, name and key.",
        context: context)
    }
  }
}
