import RookeryModel

/// What the agent asks of us.
extension ACPClient {
  mutating func answer(id: JSONValue, method: String, parameters: JSONValue) -> [ACPAction] {
    guard method == "session/request_permission" else {
      // The agent is inside the sandbox already: files and terminals are its own, and we announced neither.
      let text = "This client does not offer \(EventBounds.line(method))."
      return [.send(line: ACPMessage.refusal(id: id, code: -32601, text))]
    }
    let tool = parameters["toolCall"] ?? .null
    let actions = announce(permissionFor: tool)
    let known = ToolReport(tool).flatMap { state.announced[$0.id] }
    let title = tool["title"]?.string ?? known ?? "a tool"
    let choice = state.phase == .cancelling ? nil : PermissionChoice(options: parameters["options"]?.array ?? [])
    let outcome: JSONValue =
      if let choice { ["outcome": "selected", "optionId": choice.id] } else { ["outcome": "cancelled"] }
    let answered = PermissionAnswered(
      tool: EventBounds.line(title), option: choice?.name ?? "cancelled", allowed: choice?.allows ?? false)
    return actions + [
      .send(line: ACPMessage.answer(id: id, result: ["outcome": outcome])), .emit(.permissionAnswered(answered)),
    ]
  }
}

/// The policy: the sandbox is the boundary, so everything is allowed, once, with the option that promises the least.
struct PermissionChoice: Equatable {
  /// Sent back exactly as it came.
  var id: JSONValue
  var name: String
  var allows: Bool

  /// Nil when there is nothing to choose.
  init?(options: [JSONValue]) {
    for kind in ["allow_once", "allow_always", "reject_once", "reject_always"] {
      guard let option = options.first(where: { Self.kind(of: $0) == kind }), let id = option["optionId"] else { continue }
      self.id = id
      name = EventBounds.line(option["name"]?.string ?? id.string ?? kind)
      allows = kind.hasPrefix("allow")
      return
    }
    return nil
  }

  /// Where an agent leaves the kind out, its id usually says it.
  private static func kind(of option: JSONValue) -> String? {
    if let kind = option["kind"]?.string { return kind }
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
