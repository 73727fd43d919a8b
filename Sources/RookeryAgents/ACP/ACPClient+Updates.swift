import RookeryModel

/// `session/update`: what the agent says and does, as events.
extension ACPClient {
  /// Tool calls of one turn whose announcement is remembered.
  private static let maximumAnnounced = 1024

  mutating func update(_ parameters: JSONValue) -> [ACPAction] {
    guard !state.replaying, let update = parameters["update"] else { return [] }
    // Conversations that the agent holds with itself are its own affair.
    if let session = parameters["sessionId"]?.string, let own = state.session, session != own { return [] }
    switch update["sessionUpdate"]?.string {
    case "agent_message_chunk":
      return EventBounds.pieces(of: ToolReport.text(of: update["content"])).map { .emit(.agentMessage(.init(text: $0))) }
    case "agent_thought_chunk":
      return EventBounds.pieces(of: ToolReport.text(of: update["content"])).map { .emit(.agentThought(.init(text: $0))) }
    case "tool_call", "tool_call_update": return report(update)
    case "plan": return [.emit(.plan(Self.plan(update)))]
    // Commands, modes, options, titles and usage are not part of the log; the user's own message is in it already.
    default: return []
    }
  }

  /// A permission may be the first that is heard of a tool call.
  mutating func announce(permissionFor tool: JSONValue) -> [ACPAction] {
    guard let id = ToolReport(tool)?.id, state.announced[id] == nil else { return [] }
    return report(tool)
  }

  private mutating func report(_ update: JSONValue) -> [ACPAction] {
    guard let report = ToolReport(update) else { return [] }
    guard state.announced[report.id] == nil else { return [.emit(.toolUpdate(report.update))] }
    if state.announced.count >= Self.maximumAnnounced { state.announced = [:] }
    state.announced[report.id] = EventBounds.line(report.call.title, to: 120)
    let call = ACPAction.emit(.toolCall(report.call))
    guard let output = report.output else { return [call] }
    return [call, .emit(.toolUpdate(ToolUpdate(id: report.id, output: output)))]
  }

  private static func plan(_ update: JSONValue) -> Plan {
    Plan(
      entries: (update["entries"]?.array ?? []).prefix(100).map { entry in
        Plan.Entry(
          content: EventBounds.line(entry["content"]?.string ?? entry.string ?? ""),
          priority: EventBounds.line(entry["priority"]?.string ?? "medium", to: 64),
          status: EventBounds.line(entry["status"]?.string ?? "pending", to: 64))
      })
  }
}
