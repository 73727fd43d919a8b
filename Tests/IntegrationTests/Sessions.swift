import Foundation
import RookeryCommands
import RookeryModel
import RookeryTestSupport
import Testing

/// What tests ask of sessions.
extension RunningSystem {
  func begin(_ prompt: String, repository: String = "site", agent: String = "command", author: API.NamedAuthor? = nil) async throws
    -> SessionID
  {
    let receipt = try await api { api in
      try await api.post(
        "/v1/sessions",
        API.CreateSession(
          requestId: UUID().uuidString, repository: try RepositoryName(repository), prompt: prompt, agent: try AgentName(agent),
          author: author), as: API.PromptReceipt.self)
    }
    return receipt.session
  }

  @discardableResult
  func prompt(
    _ session: SessionID, _ text: String, requestId: String = UUID().uuidString, author: API.NamedAuthor? = nil,
    mode: PromptMode? = nil, attachments: [String]? = nil
  ) async throws -> API.PromptReceipt {
    try await api { api in
      try await api.post(
        "/v1/sessions/\(session)/prompts",
        API.PostPrompt(requestId: requestId, text: text, author: author, mode: mode, attachments: attachments),
        as: API.PromptReceipt.self)
    }
  }

  @discardableResult
  func edit(_ session: SessionID, _ prompt: PromptID, _ body: API.EditPrompt) async throws -> API.PromptReceipt {
    try await api { try await $0.patch("/v1/sessions/\(session)/prompts/\(prompt)", body, as: API.PromptReceipt.self) }
  }

  /// Waits until the session's log holds an event that fits.
  func event<Body: Sendable>(
    _ session: SessionID, _ what: String, _ fit: @escaping @Sendable (EventPayload) -> Body?
  ) async throws -> Body {
    try await eventually(timeout: .seconds(60), what) { try await self.log(session).contains { fit($0.payload) != nil } }
    return try #require(try await log(session).compactMap { fit($0.payload) }.first, "\(what)")
  }

  func detail(_ session: SessionID) async throws -> API.SessionDetail {
    try await api { try await $0.get("/v1/sessions/\(session)", as: API.SessionDetail.self) }
  }

  /// The whole log, page by page.
  func log(_ session: SessionID) async throws -> [Event] {
    var events: [Event] = []
    while true {
      let after = events.last?.seq ?? 0
      let page = try await api { try await $0.get("/v1/sessions/\(session)/events?after=\(after)&limit=500", as: API.Events.self) }
      if page.events.isEmpty { return events }
      events += page.events
    }
  }

  /// Waits until `turns` turns of the session have ended, and returns the log.
  func finished(_ session: SessionID, turns: Int = 1, timeout: Duration = .seconds(180)) async throws -> [Event] {
    do {
      try await eventually(timeout: timeout, "turn \(turns) of \(session) ends") {
        guard let log = try? await self.log(session) else { return false }
        return log.count { if case .turnFinished = $0.payload { true } else { false } } >= turns
      }
    } catch {
      print((try? directory.read("up.log"))?.suffix(8000) ?? "")
      for event in (try? await log(session)) ?? [] { print(event) }
      throw error
    }
    let log = try await log(session)
    // A failure that a test did not expect is explained by its log.
    if log.results.contains(where: { $0.result == .failed }) { for event in log { print(event) } }
    return log
  }
}

extension [Event] {
  var results: [TurnFinished] {
    compactMap { if case .turnFinished(let body) = $0.payload { body } else { nil } }
  }

  /// What commands printed, joined.
  func output(_ stream: OutputChunk.Stream = .stdout) -> String {
    reduce(into: "") { text, event in
      if case .agentOutput(let chunk) = event.payload, chunk.stream == stream { text += chunk.text }
    }
  }

  var message: String {
    reduce(into: "") { text, event in if case .agentMessage(let chunk) = event.payload { text += chunk.text } }
  }

  var kinds: [String] { map(\.payload.kind) }

  /// The same log as another's: text chunks joined by stream (how two streams interleave is chance), times and ids left out.
  var comparable: [String] {
    var lines: [String] = []
    for event in self {
      switch event.payload {
      case .agentMessage, .agentThought, .agentOutput: break
      case .toolCall(let call): lines.append("tool \(call.title)")
      case .stepFinished(let step): lines.append("step \(step.step)")
      default: lines.append(event.payload.kind)
      }
    }
    return lines + [message, output(), output(.stderr)]
  }
}
