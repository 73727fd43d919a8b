import RookeryModel

/// From the first request to an open conversation.
extension ACPClient {
  mutating func receive(_ result: Result<JSONValue, ACPRemoteError>, of id: Int) -> [ACPAction] {
    if let steer = state.steering?.first(where: { $0.request == id }) { return steered(steer, result) }
    // An answer that nobody awaits, such as that of a request that we gave up, is ignored.
    guard let awaited = state.awaited, awaited.id == id else { return [] }
    state.awaited = nil
    switch (awaited.method, result) {
    case (.initialize, .success(let answer)): return initialized(answer)
    case (.newSession, .success(let answer)):
      guard let session = answer["sessionId"]?.string, !session.isEmpty else {
        return fail(
          RookeryError(
            .agentProtocol, "\(state.title) opened a conversation without naming it (no sessionId in the answer to session/new).",
            mend: "Check that the installed version speaks ACP version 1."))
      }
      return opened(session, state.history == nil ? .new : .retold)
    case (.loadSession, .success), (.resumeSession, .success): return opened(state.resume ?? "", .resumed)
    case (.loadSession, .failure(let error)), (.resumeSession, .failure(let error)):
      return giveUpResuming("\(state.title) could not load the earlier conversation (\(error.summary)) and starts a new one.")
    case (.prompt, .success(let answer)): return turnEnded(answer)
    case (.prompt, .failure(let error)): return turnFailed(error)
    case (.initialize, .failure(let error)), (.newSession, .failure(let error)):
      return fail(failure(error, during: awaited.method))
    }
  }

  private mutating func initialized(_ answer: JSONValue) -> [ACPAction] {
    if let version = answer["protocolVersion"]?.integer, version != 1 {
      return fail(
        RookeryError(
          .agentProtocol, "\(state.title) speaks version \(version) of ACP, not version 1.",
          mend: "Install a version of the agent that speaks ACP version 1."))
    }
    let information = answer["agentInfo"]
    state.agentTitle = (information?["title"]?.string ?? information?["name"]?.string).map { EventBounds.line($0) }
    state.agentVersion = (information?["version"]?.string).map { EventBounds.line($0) }
    state.logins = (answer["authMethods"]?.array ?? []).prefix(8)
      .compactMap { $0["name"]?.string ?? $0["id"]?.string }.map { EventBounds.line($0) }
    state.phase = .opening
    let capabilities = answer["agentCapabilities"]
    state.steers = answer["_meta"]?["steering"]?["supported"]?.bool
    state.takesTools = capabilities?["mcpCapabilities"]?["http"]?.bool
    state.takesImages = capabilities?["promptCapabilities"]?["image"]?.bool
    state.takesResources = capabilities?["promptCapabilities"]?["embeddedContext"]?.bool
    guard let earlier = state.resume else { return [openNew()] }
    if capabilities?["loadSession"]?.bool == true {
      state.replaying = true
      return [openEarlier(.loadSession, earlier)]
    }
    if let resume = capabilities?["sessionCapabilities"]?["resume"], resume != .null, resume != .bool(false) {
      return [openEarlier(.resumeSession, earlier)]
    }
    return giveUpResuming("\(state.title) can't load earlier conversations and starts a new one.")
  }

  /// The servers of tools that the agent can speak to: all of them speak HTTP.
  private var offeredTools: [JSONValue] { state.takesTools == true ? state.tools ?? [] : [] }

  private mutating func openNew() -> ACPAction {
    request(.newSession, ["cwd": .string(state.directory), "mcpServers": .array(offeredTools)])
  }

  private mutating func openEarlier(_ method: Method, _ session: String) -> ACPAction {
    request(method, ["sessionId": .string(session), "cwd": .string(state.directory), "mcpServers": .array(offeredTools)])
  }

  private mutating func giveUpResuming(_ reason: String) -> [ACPAction] {
    state.resume = nil
    state.replaying = false
    return [.emit(.notice(.init(level: .warning, text: EventBounds.cut(reason, to: EventBounds.note)))), openNew()]
  }

  private mutating func opened(_ session: String, _ conversation: AgentStarted.Conversation) -> [ACPAction] {
    state.session = session
    state.phase = .ready
    // It remembers by itself.
    if conversation == .resumed { state.history = nil }
    let started = AgentStarted(
      agent: state.agent, title: state.agentTitle ?? state.title, version: state.agentVersion, conversation: conversation)
    return [.emit(.agentStarted(started)), .ready(agentSession: session)] + startQueued()
  }
}
