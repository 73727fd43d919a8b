import RookeryModel

/// What the agent asks of us.
extension ACPClient {
  /// Questions that may be open at once; what is asked beyond is answered as if nobody said anything.
  private static let maximumQuestions = 32

  mutating func answer(id: JSONValue, method: String, parameters: JSONValue) -> [ACPAction] {
    guard method == "session/request_permission" else {
      // The agent is inside the sandbox already: files and terminals are its own, and we announced neither.
      let text = "This client does not offer \(EventBounds.line(method))."
      return [.send(line: ACPMessage.refusal(id: id, code: -32601, text))]
    }
    let tool = parameters["toolCall"] ?? .null
    let actions = announce(permissionFor: tool)
    let report = ToolReport(tool)
    let known = report.flatMap { state.announced[$0.id] }
    let title = EventBounds.line(tool["title"]?.string ?? known ?? "a tool")
    let options = PermissionChoice.choices(parameters["options"]?.array ?? [])
    let about = Self.about(tool)
    var answer = (state.policy ?? PermissionPolicy()).answer(tool: title, kind: tool["kind"]?.string ?? "other", about: about)
    if answer == .ask, options.isEmpty || (state.questions?.count ?? 0) >= Self.maximumQuestions { answer = .deny }
    guard state.phase != .cancelling, answer == .ask else {
      let choice = state.phase == .cancelling ? nil : answer == .allow ? PermissionChoice.allowing(options) : .refusing(options)
      return actions + reply(to: id, choice, PermissionAnswered(tool: title, option: "", allowed: false))
    }
    let number = (state.questionCount ?? 0) + 1
    state.questionCount = number
    let question = ACPQuestion(
      number: number, call: report?.id, tool: title, about: EventBounds.cut(about, to: EventBounds.note), options: options, request: id)
    state.questions = (state.questions ?? []) + [question]
    return actions + [.ask(question)]
  }

  /// Questions that wait for an answer.
  package var questions: [ACPQuestion] { state.questions ?? [] }

  /// Answers a question with one of its options, by its place; nil: with the safe one. Nothing when the question is not open.
  package mutating func answerPermission(_ number: Int, option: Int?, answered: PermissionAnswered) -> [ACPAction] {
    guard let question = questions.first(where: { $0.number == number }) else { return [] }
    state.questions = questions.filter { $0.number != number }
    let choice = option.flatMap { question.options.indices.contains($0) ? question.options[$0] : nil } ?? .refusing(question.options)
    var answered = answered
    answered.tool = question.tool
    return reply(to: question.request, choice, answered)
  }

  /// Takes back what is still asked: the turn ends. `tell`: the agent waits for an answer yet.
  mutating func withdrawQuestions(tell: Bool) -> [ACPAction] {
    defer { state.questions = nil }
    return questions.flatMap { question -> [ACPAction] in
      let answered = PermissionAnswered(
        tool: question.tool, option: "", allowed: false, id: "\(question.number)", source: .stop)
      let actions = reply(to: question.request, nil, answered)
      return tell ? actions : actions.filter { if case .send = $0 { false } else { true } }
    }
  }

  private func reply(to id: JSONValue, _ choice: PermissionChoice?, _ answered: PermissionAnswered) -> [ACPAction] {
    let outcome: JSONValue = if let choice { ["outcome": "selected", "optionId": choice.id] } else { ["outcome": "cancelled"] }
    var answered = answered
    answered.option = choice?.name ?? "cancelled"
    answered.allowed = choice?.allows ?? false
    return [.send(line: ACPMessage.answer(id: id, result: ["outcome": outcome])), .emit(.permissionAnswered(answered))]
  }

  /// What a tool is about: its command or its file, else its input.
  private static func about(_ tool: JSONValue) -> String {
    let input = tool["rawInput"]
    for key in ["command", "cmd", "file_path", "path", "url"] {
      if let text = input?[key]?.string { return text }
      if let words = input?[key]?.array { return words.compactMap(\.string).joined(separator: " ") }
    }
    if let path = tool["locations"]?.array?.first?["path"]?.string { return path }
    guard let input, input != .null, let text = try? JSON.encode(EventBounds.cut(input, to: EventBounds.note)) else { return "" }
    return String(decoding: text, as: UTF8.self)
  }
}

/// One of the answers that the agent offers to its question.
package struct PermissionChoice: Sendable, Codable, Equatable {
  /// Sent back exactly as it came.
  package var id: JSONValue
  package var name: String
  /// ACP's: `allow_once`, `allow_always`, `reject_once`, `reject_always`.
  package var kind: String
  package var allows: Bool { kind.hasPrefix("allow") }
  package var isLasting: Bool { kind.hasSuffix("always") }

  /// The options whose meaning is known, at most 16.
  static func choices(_ options: [JSONValue]) -> [PermissionChoice] {
    options.prefix(16).compactMap { option in
      guard let kind = kind(of: option), let id = option["optionId"] else { return nil }
      return PermissionChoice(id: id, name: EventBounds.line(option["name"]?.string ?? id.string ?? kind), kind: kind)
    }
  }

  /// The option that promises the least of those that allow; where there is none, a refusal.
  static func allowing(_ options: [PermissionChoice]) -> PermissionChoice? {
    first(of: ["allow_once", "allow_always", "reject_once", "reject_always"], options)
  }

  /// The safe answer; nil where the agent offers none: then its question is cancelled.
  static func refusing(_ options: [PermissionChoice]) -> PermissionChoice? { first(of: ["reject_once", "reject_always"], options) }

  private static func first(of kinds: [String], _ options: [PermissionChoice]) -> PermissionChoice? {
    kinds.lazy.compactMap { kind in options.first { $0.kind == kind } }.first
  }

  /// Where an agent leaves the kind out, its id usually says it.
  private static func kind(of option: JSONValue) -> String? {
    if let kind = option["kind"]?.string {
      return ["allow_once", "allow_always", "reject_once", "reject_always"].contains(kind) ? kind : nil
    }
    guard let id = option["optionId"]?.string?.lowercased().replacing("-", with: "_") else { return nil }
    return switch id {
    case "allow", "approve", "approved", "yes", "proceed_once", "allow_once": "allow_once"
    case "always", "allow_always", "approved_for_session", "proceed_always": "allow_always"
    case "reject", "deny", "denied", "no", "cancel", "reject_once": "reject_once"
    case "reject_always": "reject_always"
    default: nil
    }
  }
}
