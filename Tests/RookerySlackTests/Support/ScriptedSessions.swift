import Foundation
import RookeryModel
import RookerySessions
import RookeryStore

/// Sessions whose turns a test plays; the registry's index follows them as it follows real ones.
actor ScriptedSessions: SessionService {
  private struct Session {
    var summary: SessionSummary
    var prompts: [Prompt] = []
    var artifacts: [(Artifact, Data)] = []
    var events: [EncodedEvent] = []
  }

  private let registry: Registry
  private var sessions: [SessionID: Session] = [:]
  private var requests: [String: (body: Data, receipt: API.PromptReceipt)] = [:]
  private var readers: [CheckedContinuation<Void, Never>] = []
  private(set) var stops: [SessionID] = []
  /// What `create` throws instead.
  private var refusal: RookeryError?

  init(registry: Registry) { self.registry = registry }

  func refuse(_ error: RookeryError?) { refusal = error }

  var all: [SessionSummary] { sessions.values.map(\.summary).sorted { $0.created < $1.created } }
  func prompts(_ id: SessionID) -> [Prompt] { sessions[id]?.prompts ?? [] }

  func create(_ request: API.CreateSession, by user: User) async throws -> API.PromptReceipt {
    if let refusal { throw refusal }
    if let known = try known(request.requestId, JSON.encode(request)) { return known }
    let id = SessionID.random(prefix: "s-")
    let agent = try AgentName("command")
    sessions[id] = Session(
      summary: SessionSummary(
        id: id, repository: request.repository, branch: "rookery/\(id)", agent: agent, owner: user.author, title: "title", state: .queued,
        created: Date(), updated: Date(), seq: 0, generation: 1))
    append(id, .sessionCreated(SessionCreated(repository: request.repository, branch: "rookery/\(id)", agent: agent, owner: user.author)))
    return enqueue(id, request.prompt, user, request.requestId, try JSON.encode(request))
  }

  func prompt(_ session: SessionID, _ request: API.PostPrompt, by user: User) async throws -> API.PromptReceipt {
    if let known = try known(request.requestId, JSON.encode(request)) { return known }
    _ = try check(session)
    return enqueue(session, request.text, user, request.requestId, try JSON.encode(request))
  }

  private func known(_ id: String, _ body: Data) throws -> API.PromptReceipt? {
    guard let known = requests[id] else { return nil }
    guard known.body == body else { throw RookeryError(.conflict, "This request id was used with another body.") }
    return known.receipt
  }

  private func enqueue(_ id: SessionID, _ text: String, _ user: User, _ request: String, _ body: Data) -> API.PromptReceipt {
    let prompt = Prompt(id: .random(prefix: "p-"), text: text, author: user.author, state: .queued, turn: nil)
    sessions[id]?.prompts.append(prompt)
    if sessions[id]?.summary.state == .idle { sessions[id]?.summary.state = .queued }
    let seq = append(id, .promptQueued(PromptQueued(prompt: prompt.id, text: text, author: user.author)))
    let receipt = API.PromptReceipt(session: id, prompt: prompt.id, seq: seq)
    requests[request] = (body, receipt)
    return receipt
  }

  func stop(_ session: SessionID, by user: User) async throws {
    stops.append(session)
    finish(session, .interrupted)
  }

  func cancel(_ session: SessionID, prompt: PromptID, by user: User) async throws {
    guard let place = try check(session).prompts.firstIndex(where: { $0.id == prompt && $0.state == .queued }) else {
      throw RookeryError(.conflict, "The prompt does not wait any more.")
    }
    sessions[session]?.prompts[place].state = .cancelled
    append(session, .promptCancelled(PromptCancelled(prompt: prompt, by: user.id)))
  }

  func sessions(repository: RepositoryName?, limit: Int, for user: User) async throws -> [SessionSummary] {
    Array(all.filter { $0.role(of: user) != nil }.prefix(limit))
  }

  func admit(_ user: User, to session: SessionID, as needed: SessionRole) async throws {
    guard let role = try check(session).summary.role(of: user), role >= needed else {
      throw RookeryError(.forbidden, "Not for \(user.name).")
    }
  }

  func detail(_ session: SessionID) async throws -> API.SessionDetail {
    let session = try check(session)
    return API.SessionDetail(session: session.summary, prompts: session.prompts, artifacts: session.artifacts.map(\.0))
  }

  func cursor(_ session: SessionID, after: Int64) async throws -> any EventCursor {
    _ = try check(session)
    return ScriptedCursor(sessions: self, session: session, after: after)
  }

  func artifact(_ session: SessionID, _ artifact: ArtifactID) async throws -> (Artifact, Data) {
    guard let found = try check(session).artifacts.first(where: { $0.0.id == artifact }) else {
      throw RookeryError(.notFound, "There is no artifact \(artifact).")
    }
    return found
  }

  private func check(_ id: SessionID) throws -> Session {
    guard let session = sessions[id] else { throw RookeryError(.notFound, "There is no session \(id).") }
    return session
  }

  // What Slack never asks for.
  private static let unused = RookeryError(.badRequest, "Slack doesn't ask for this.")
  func fork(_ session: SessionID, _ request: API.ForkSession, by user: User) async throws -> API.PromptReceipt { throw Self.unused }
  func snapshots(_ session: SessionID) async throws -> [API.SessionSnapshot] { throw Self.unused }
  func snapshot(_ session: SessionID) async throws -> API.SessionSnapshot { throw Self.unused }
  func delete(_ session: SessionID, by user: User) async throws { throw Self.unused }
  func events(_ session: SessionID, after: Int64, limit: Int) async throws -> API.Events { throw Self.unused }
  func signal(_ session: SessionID, _ signal: SessionSignal) async throws { throw Self.unused }
  func edit(
    _ session: SessionID, prompt: PromptID, _ request: API.EditPrompt, by user: User
  ) async throws -> API.PromptReceipt { throw Self.unused }
  func answer(_ session: SessionID, permission: String, _ request: API.AnswerPermission, by user: User) async throws {
    throw Self.unused
  }
  func upload(_ content: Data, name: String, mediaType: String, by user: User) async throws -> Attachment { throw Self.unused }
  func attachment(_ session: SessionID, digest: String) async throws -> (Attachment, Data) { throw Self.unused }
  func join(_ session: SessionID, secret: Secret, by user: User) async throws { throw Self.unused }
  func invite(
    _ session: SessionID, _ request: API.CreateInvitation, by user: User
  ) async throws -> (Invitation, Secret) { throw Self.unused }
  func invitations(_ session: SessionID) async throws -> [Invitation] { throw Self.unused }
  func revoke(_ session: SessionID, invitation: String) async throws { throw Self.unused }
  func setRole(_ session: SessionID, of participant: UserID, _ role: SessionRole, by user: User) async throws { throw Self.unused }
  func remove(_ session: SessionID, participant: UserID, by user: User) async throws { throw Self.unused }
  func setAccess(_ session: SessionID, _ access: SessionAccess, by user: User) async throws { throw Self.unused }
  func events(_ session: SessionID, before: Int64, limit: Int) async throws -> API.Events { throw Self.unused }
  func feed(_ session: SessionID) async throws -> SessionFeed { throw Self.unused }
  func search(_ query: String, in session: SessionID?, limit: Int, by user: User) async throws -> [API.SearchHit] { throw Self.unused }
  func redact(_ session: SessionID, _ text: String, by user: User) async throws -> API.Redaction { throw Self.unused }
}

// MARK: - Turns

extension ScriptedSessions {
  /// Begins the oldest prompt that waits; its turn's number.
  @discardableResult
  func start(_ id: SessionID) -> Int {
    guard let place = sessions[id]?.prompts.firstIndex(where: { $0.state == .queued }), let prompt = sessions[id]?.prompts[place] else {
      return 0
    }
    let number = (sessions[id]?.prompts.compactMap(\.turn).max() ?? 0) + 1
    sessions[id]?.prompts[place].state = .running
    sessions[id]?.prompts[place].turn = number
    sessions[id]?.summary.state = .running
    append(id, .turnStarted(TurnStarted(prompt: prompt.id, author: prompt.author)), turn: number)
    return number
  }

  func finish(_ id: SessionID, _ result: TurnFinished.Result = .completed, error: RookeryError? = nil) {
    guard let place = sessions[id]?.prompts.firstIndex(where: { $0.state == .running }), let prompt = sessions[id]?.prompts[place] else {
      return
    }
    sessions[id]?.prompts[place].state = result == .completed ? .completed : result == .failed ? .failed : .interrupted
    let waits = sessions[id]?.prompts.contains { $0.state == .queued } ?? false
    sessions[id]?.summary.state = waits ? .queued : .idle
    append(
      id, .turnFinished(TurnFinished(prompt: prompt.id, result: result, stopReason: nil, commit: nil, error: error)), turn: prompt.turn)
  }

  /// A whole turn: a step, an answer, a commit.
  func play(_ id: SessionID, answer: String = "All done.", steps: Int = 1) {
    let turn = start(id)
    guard turn > 0 else { return }
    for number in 0..<steps {
      append(
        id,
        .toolCall(
          ToolCall(
            id: "c\(turn).\(number)", title: "Edit file \(number)", kind: "edit", status: "completed",
            content: [.diff(path: "src/file\(number).txt", old: nil, new: "x")], locations: [], input: nil)), turn: turn)
    }
    append(id, .agentMessage(TextChunk(text: answer)), turn: turn)
    if let author = sessions[id]?.summary.owner {
      append(
        id,
        .commitCreated(
          CommitCreated(commit: "0123456789abcdef", subject: "s", author: author, files: 2, additions: 10, deletions: 3)), turn: turn)
    }
    append(id, .branchPushed(BranchPushed(branch: "rookery/\(id)", commit: "0123456789abcdef", remote: "https://git/x")), turn: turn)
    finish(id)
  }

  func addPicture(_ id: SessionID, _ data: Data, turn: Int) throws {
    let artifact = Artifact(
      id: try ArtifactID("shot-\(turn)"), kind: .screenshot, name: "shots/page.png", mediaType: "image/png", bytes: data.count, digest: "d")
    sessions[id]?.artifacts.append((artifact, data))
    append(id, .artifactCreated(artifact), turn: turn)
  }

  @discardableResult
  func append(_ id: SessionID, _ payload: EventPayload, turn: Int? = nil) -> Int64 {
    guard var session = sessions[id] else { return 0 }
    let seq = session.summary.seq + 1
    guard let json = try? JSON.encode(Event(seq: seq, time: Date(), turn: turn, payload: payload)) else { return 0 }
    session.events.append(EncodedEvent(seq: seq, kind: payload.kind, json: json))
    session.summary.seq = seq
    session.summary.updated = Date()
    sessions[id] = session
    try? registry.index(session.summary)
    let waiting = readers
    readers = []
    for reader in waiting { reader.resume() }
    return seq
  }

  fileprivate func next(_ id: SessionID, after: Int64) async throws -> [EncodedEvent] {
    while true {
      try Task.checkCancellation()
      let events = try check(id).events
      if Int(after) < events.count { return Array(events[Int(after)...].prefix(40)) }
      await withTaskCancellationHandler {
        await withCheckedContinuation { continuation in
          if Task.isCancelled { continuation.resume() } else { readers.append(continuation) }
        }
      } onCancel: {
        Task { await self.wake() }
      }
    }
  }

  private func wake() {
    let waiting = readers
    readers = []
    for reader in waiting { reader.resume() }
  }
}

private struct ScriptedCursor: EventCursor {
  let sessions: ScriptedSessions
  let session: SessionID
  var after: Int64

  mutating func next() async throws -> FeedNews {
    let events = try await sessions.next(session, after: after)
    after = events.last?.seq ?? after
    return FeedNews(events: events)
  }
}
