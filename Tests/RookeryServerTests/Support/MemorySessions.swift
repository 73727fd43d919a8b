import Foundation
import RookeryModel
import RookerySessions

/// Sessions in memory, for tests of what surrounds them.
actor MemorySessions: SessionService {
  private struct Session {
    var summary: SessionSummary
    var prompts: [Prompt] = []
    var artifacts: [(Artifact, Data)] = []
    var events: [EncodedEvent] = []
    var signals: [SessionSignal] = []
    var readers: [CheckedContinuation<Void, Never>] = []
  }

  private var sessions: [SessionID: Session] = [:]
  private var requests: [String: (body: Data, receipt: API.PromptReceipt)] = [:]
  /// Bytes that cursors handed out, by session.
  private(set) var handedOut: [SessionID: Int] = [:]

  func create(_ request: API.CreateSession, by user: User) async throws -> API.PromptReceipt {
    if request.repository.rawValue == "broken" { throw MemoryFailure() }
    if request.repository.rawValue == "unknown" { throw RookeryError(.repositoryUnknown, "There is no repository “unknown”.") }
    let body = try JSON.encode(request)
    if let known = requests[request.requestId] {
      guard known.body == body else { throw RookeryError(.conflict, "This request id was used with another body.") }
      return known.receipt
    }
    let id = SessionID.random(prefix: "s-")
    let agent = try request.agent ?? AgentName("command")
    sessions[id] = Session(
      summary: SessionSummary(
        id: id, repository: request.repository, branch: "rookery/\(id)", agent: agent, owner: user.author,
        title: String(request.prompt.prefix { $0 != "\n" }.prefix(100)), state: .queued, created: Date(), updated: Date(), seq: 0,
        generation: 1))
    append(id, .sessionCreated(SessionCreated(repository: request.repository, branch: "rookery/\(id)", agent: agent, owner: user.author)))
    let receipt = enqueue(id, request.prompt, user)
    requests[request.requestId] = (body, receipt)
    return receipt
  }

  func prompt(_ session: SessionID, _ request: API.PostPrompt, by user: User) async throws -> API.PromptReceipt {
    try check(session)
    let body = try JSON.encode(request)
    if let known = requests[request.requestId] {
      guard known.body == body else { throw RookeryError(.conflict, "This request id was used with another body.") }
      return known.receipt
    }
    let receipt = enqueue(session, request.text, user)
    requests[request.requestId] = (body, receipt)
    return receipt
  }

  func stop(_ session: SessionID, by user: User) async throws {
    try check(session)
    sessions[session]?.summary.state = .stopping
  }

  func cancel(_ session: SessionID, prompt: PromptID, by user: User) async throws {
    try check(session)
    guard let place = sessions[session]?.prompts.firstIndex(where: { $0.id == prompt && $0.state == .queued }) else {
      throw RookeryError(.conflict, "The prompt does not wait any more.")
    }
    sessions[session]?.prompts[place].state = .cancelled
    append(session, .promptCancelled(PromptCancelled(prompt: prompt, by: user.id)))
  }

  func fork(_ session: SessionID, _ request: API.ForkSession, by user: User) async throws -> API.PromptReceipt {
    let origin = try check(session).summary
    return try await create(
      API.CreateSession(requestId: request.requestId, repository: origin.repository, prompt: request.prompt, agent: origin.agent), by: user)
  }

  func snapshots(_ session: SessionID) async throws -> [API.SessionSnapshot] {
    let events = try check(session).events
    return [API.SessionSnapshot(id: try SnapshotID("\(session)-t1"), seq: Int64(events.count), turn: 1, created: Date())]
  }

  func snapshot(_ session: SessionID) async throws -> API.SessionSnapshot { try await snapshots(session)[0] }

  func delete(_ session: SessionID, by user: User) async throws {
    _ = try check(session)
    sessions[session] = nil
  }

  func sessions(repository: RepositoryName?, limit: Int) async throws -> [SessionSummary] {
    Array(
      sessions.values.map(\.summary).filter { repository == nil || $0.repository == repository }
        .sorted { $0.created > $1.created }.prefix(limit))
  }

  func detail(_ session: SessionID) async throws -> API.SessionDetail {
    let session = try check(session)
    return API.SessionDetail(session: session.summary, prompts: session.prompts, artifacts: session.artifacts.map(\.0))
  }

  func events(_ session: SessionID, after: Int64, limit: Int) async throws -> API.Events {
    let session = try check(session)
    let events = try session.events.filter { $0.seq > after }.prefix(limit).map { try JSON.decode(Event.self, from: $0.json) }
    return API.Events(events: Array(events), generation: session.summary.generation)
  }

  func cursor(_ session: SessionID, after: Int64) async throws -> any EventCursor {
    MemoryCursor(sessions: self, session: session, after: after, heard: try check(session).signals.count)
  }

  func signal(_ session: SessionID, _ signal: SessionSignal) async throws {
    try check(session)
    sessions[session]?.signals.append(signal)
    wake(session)
  }

  func artifact(_ session: SessionID, _ artifact: ArtifactID) async throws -> (Artifact, Data) {
    guard let found = try check(session).artifacts.first(where: { $0.0.id == artifact }) else {
      throw RookeryError(.notFound, "There is no artifact \(artifact).")
    }
    return found
  }

  @discardableResult
  private func check(_ id: SessionID) throws -> Session {
    guard let session = sessions[id] else { throw RookeryError(.notFound, "There is no session \(id).") }
    return session
  }

  private func enqueue(_ id: SessionID, _ text: String, _ user: User) -> API.PromptReceipt {
    let prompt = Prompt(id: .random(prefix: "p-"), text: text, author: user.author, state: .queued, turn: nil)
    sessions[id]?.prompts.append(prompt)
    let seq = append(id, .promptQueued(PromptQueued(prompt: prompt.id, text: String(text.prefix(32_000)), author: user.author)))
    return API.PromptReceipt(session: id, prompt: prompt.id, seq: seq)
  }
}

/// A failure that is no `RookeryError`.
struct MemoryFailure: Error {
  let password = "hunter2"
}

// MARK: - What tests make happen

extension MemorySessions {
  /// Appends an event as the engine would, and wakes the readers.
  @discardableResult
  func append(_ id: SessionID, _ payload: EventPayload, turn: Int? = nil, at time: Date = Date()) -> Int64 {
    guard var session = sessions[id] else { return 0 }
    let seq = session.summary.seq + 1
    let event = Event(seq: seq, time: time, turn: turn, payload: payload)
    guard let json = try? JSON.encode(event) else { return 0 }
    session.events.append(EncodedEvent(seq: seq, kind: payload.kind, json: json))
    session.summary.seq = seq
    session.summary.updated = time
    let readers = session.readers
    session.readers = []
    sessions[id] = session
    for reader in readers { reader.resume() }
    return seq
  }

  /// Starts the oldest prompt that waits; returns its turn.
  @discardableResult
  func startTurn(_ id: SessionID, at time: Date = Date()) -> Int {
    guard let place = sessions[id]?.prompts.firstIndex(where: { $0.state == .queued }), let prompt = sessions[id]?.prompts[place] else {
      return 0
    }
    let number = (sessions[id]?.prompts.compactMap(\.turn).max() ?? 0) + 1
    sessions[id]?.prompts[place].state = .running
    sessions[id]?.prompts[place].turn = number
    sessions[id]?.summary.state = .running
    append(id, .turnStarted(TurnStarted(prompt: prompt.id, author: prompt.author)), turn: number, at: time)
    return number
  }

  func finishTurn(
    _ id: SessionID, _ result: TurnFinished.Result = .completed, error: RookeryError? = nil, stopReason: String? = "end_turn",
    at time: Date = Date()
  ) {
    guard let place = sessions[id]?.prompts.firstIndex(where: { $0.state == .running }), let prompt = sessions[id]?.prompts[place] else {
      return
    }
    sessions[id]?.prompts[place].state = result == .completed ? .completed : result == .failed ? .failed : .interrupted
    let waits = sessions[id]?.prompts.contains { $0.state == .queued } ?? false
    sessions[id]?.summary.state = waits ? .queued : .idle
    sessions[id]?.summary.lastResult = result
    append(
      id, .turnFinished(TurnFinished(prompt: prompt.id, result: result, stopReason: stopReason, commit: nil, error: error)),
      turn: prompt.turn, at: time)
  }

  func addArtifact(_ id: SessionID, _ artifact: Artifact, _ data: Data, turn: Int? = nil, at time: Date = Date()) {
    sessions[id]?.artifacts.append((artifact, data))
    append(id, .artifactCreated(artifact), turn: turn, at: time)
  }

  func setPullRequest(_ id: SessionID, _ request: PullRequest, turn: Int? = nil, at time: Date = Date()) {
    sessions[id]?.summary.pullRequest = request
    append(id, .pullRequestOpened(request), turn: turn, at: time)
  }

  func setTitle(_ id: SessionID, _ title: String) { sessions[id]?.summary.title = title }

  fileprivate func next(_ id: SessionID, after: Int64, heard: Int) async throws -> (FeedNews, heard: Int) {
    while true {
      try Task.checkCancellation()
      let events = try check(id).events
      let signals = try check(id).signals
      // Seqs are dense from 1: an event's place follows from its seq.
      if Int(after) < events.count {
        var size = 0
        let batch = events[Int(after)...].prefix { event in
          defer { size += event.json.count }
          return size < 200_000
        }
        handedOut[id, default: 0] += batch.reduce(0) { $0 + $1.json.count }
        return (FeedNews(events: Array(batch), signals: Array(signals[heard...])), signals.count)
      }
      if signals.count > heard { return (FeedNews(signals: Array(signals[heard...])), signals.count) }
      await withTaskCancellationHandler {
        await withCheckedContinuation { continuation in
          if Task.isCancelled { continuation.resume() } else { sessions[id]?.readers.append(continuation) }
        }
      } onCancel: {
        Task { await self.wake(id) }
      }
    }
  }

  private func wake(_ id: SessionID) {
    let readers = sessions[id]?.readers ?? []
    sessions[id]?.readers = []
    for reader in readers { reader.resume() }
  }
}

private struct MemoryCursor: EventCursor {
  let sessions: MemorySessions
  let session: SessionID
  var after: Int64
  var heard: Int

  mutating func next() async throws -> FeedNews {
    let (news, heard) = try await sessions.next(session, after: after, heard: heard)
    after = news.events.last?.seq ?? after
    self.heard = heard
    return news
  }
}
