import Crypto
import Foundation
import Logging
import RookeryAgents
import RookeryConfiguration
import RookeryModel
import RookerySandbox
import RookeryStore

/// All sessions: makes them, finds them, brings them back after a restart.
package actor SessionEngine: SessionService {
  let services: SessionServices
  private let indexer: SessionIndexer
  let searcher: SearchIndexer
  var live: [SessionID: LiveSession] = [:]
  /// Sessions in which nothing happens: no actor, no open file.
  var resting: [SessionID: RestingSession] = [:]
  /// When each live session was last asked for.
  var touched: [SessionID: ContinuousClock.Instant] = [:]
  /// What is followed, whether or not its session is live.
  private var feeds: [SessionID: WeakFeed] = [:]
  var closing = false
  /// When this server started: what is older was made by an earlier one.
  let started = Date()

  package init(services: SessionServices) throws {
    var services = services
    services.epoch = try services.registry.beginEpoch()
    self.services = services
    indexer = SessionIndexer(registry: services.registry, logger: services.logger)
    searcher = SearchIndexer(
      index: try SearchIndex(directory: (services.directory as NSString).deletingLastPathComponent), directory: services.directory,
      logger: services.logger)
    try FileManager.default.createDirectory(atPath: services.directory, withIntermediateDirectories: true)
  }

  /// Takes up every session's unfinished work, then hands on what host and gateway report until the task is cancelled.
  package func run() async throws {
    await finishDeletions()
    for id in try SessionStore.sessions(in: services.directory) {
      do {
        let session = try session(id)
        let summary = await session.summary
        indexer.update(summary)
        if try searcher.index.place(of: id) < summary.seq { searcher.note(id) }
        if await session.hasWork { await session.runIfIdle() } else { await session.takeUpAlarms() }
        await rest(id, session, idleFor: .zero)
      } catch {
        services.logger.error("could not open a session", metadata: ["session": "\(id)", "error": "\(error)"])
      }
    }
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.followHost() }
      group.addTask { await self.followUsage() }
      group.addTask { await self.sweepSnapshots() }
      group.addTask { await self.endOrphans() }
      group.addTask { await self.followReports() }
      group.addTask { await self.letIdleOnesRest() }
      if let pool = services.pool { group.addTask { try? await pool.run() } }
    }
  }

  /// Leaves everything for the next process: turns go on in their sandboxes, readers are sent away.
  package func close() async {
    closing = true
    await withTaskGroup(of: Void.self) { group in
      for session in live.values { group.addTask { await session.close() } }
    }
    // Those who follow a session that rests.
    for feed in feeds.values { feed.feed?.close() }
  }

  func forget(_ id: SessionID) {
    live[id] = nil
    resting[id] = nil
    touched[id] = nil
    feeds[id] = nil
  }

  /// `store`: the session's file, where it is open already.
  func session(_ id: SessionID, store: SessionStore? = nil) throws -> LiveSession {
    touched[id] = .now
    if let session = live[id] { return session }
    guard !closing else { throw RookeryError(.unavailable, "The server is shutting down.", mend: "Try again in a moment.") }
    let session = try LiveSession(id, store: store, services: services, indexer: indexer, searcher: searcher, feed: feeds[id]?.feed)
    live[id] = session
    resting[id] = nil
    feeds[id] = WeakFeed(feed: session.feed)
    return session
  }

  // MARK: SessionService

  package func create(_ request: API.CreateSession, by user: User) async throws -> API.PromptReceipt {
    let text = try Self.checked(request.prompt, requestId: request.requestId)
    let repository = try await services.repositories.get(request.repository)
    let agent = try await agent(asked: request.agent, repository: repository)
    var body = request
    body.author = nil
    return try await begin(
      request: request.requestId, body: JSON.encode(body), prompt: text, by: user, repository: repository.name, agent: agent)
  }

  /// Makes a session with its first prompt, once for each request id.
  func begin(
    request: String, body: Data, prompt text: String, by user: User, repository: RepositoryName, agent: AgentName,
    _ fill: (inout SessionMeta) -> Void = { _ in }
  ) async throws -> API.PromptReceipt {
    let key = "\(user.id)/\(request)"
    let now = Date()
    var meta = SessionMeta(
      id: .random(prefix: "s"), repository: repository, branch: "", agent: agent, owner: user.author,
      title: Self.title(of: text, limit: 100), created: now, updated: now)
    fill(&meta)
    let (id, intended) = try services.registry.intend(request: key, body: body, session: meta.id, user: user.id)
    guard intended == body else {
      throw RookeryError(
        .conflict, "This request id was used before with another body.", mend: "Use a new requestId for a new session.")
    }
    let isNew = meta.id == id
    meta.id = id
    meta.branch = "rookery/\(id)"
    let prompt = Prompt(id: .random(prefix: "p"), text: text, author: user.author, state: .queued, turn: nil)
    var early: EarlySandbox?
    if isNew, await services.pool?.offers(repository) != true {
      early = EarlySandbox(for: meta, agent: try services.agents.definition(of: agent), services: services)
      meta.sandbox = early?.id
    }
    let (session, receipt): (LiveSession, API.PromptReceipt)
    do {
      let (made, store) = try LiveSession.begin(meta, prompt: prompt, request: key, digest: Self.digest(text), services: services)
      (session, receipt) = (try self.session(id, store: store), made)
    } catch {
      early?.abandon(services.provider)
      throw error
    }
    if let early { await session.expect(early) }
    await session.runIfIdle()
    // Lists show the session from its first moment on; later changes follow behind.
    try services.registry.index(await session.summary)
    return receipt
  }

  package func prompt(_ session: SessionID, _ request: API.PostPrompt, by user: User) async throws -> API.PromptReceipt {
    let text = try Self.checked(request.text, requestId: request.requestId)
    return try await using(session) {
      try await $0.enqueue(text, author: user.author, request: "\(user.id)/\(request.requestId)", digest: Self.digest(text))
    }
  }

  package func stop(_ session: SessionID, by user: User) async throws { try await using(session) { try await $0.stop() } }

  package func cancel(_ session: SessionID, prompt: PromptID, by user: User) async throws {
    try await using(session) { try await $0.cancel(prompt, by: user.id) }
  }

  package func sessions(repository: RepositoryName?, limit: Int) async throws -> [SessionSummary] {
    try services.registry.sessions(repository: repository, limit: min(limit, 1000))
  }

  package func snapshots(_ session: SessionID) async throws -> [API.SessionSnapshot] {
    try await self.session(session).snapshots().map(Self.shown)
  }

  package func snapshot(_ session: SessionID) async throws -> API.SessionSnapshot {
    Self.shown(try await using(session) { try await $0.snapshotNow() })
  }

  private static func shown(_ stored: StoredSnapshot) -> API.SessionSnapshot {
    API.SessionSnapshot(id: stored.id, seq: stored.seq, turn: stored.turn, created: stored.created)
  }

  package func detail(_ session: SessionID) async throws -> API.SessionDetail { try await self.session(session).detail() }

  package func events(_ session: SessionID, after: Int64, limit: Int) async throws -> API.Events {
    let session = try self.session(session)
    let events = try await session.events(after: after, limit: min(max(limit, 1), 1000)).map { try JSON.decode(Event.self, from: $0.json) }
    return API.Events(events: events, generation: session.generation)
  }

  package func events(_ session: SessionID, before: Int64, limit: Int) async throws -> API.Events {
    let session = try self.session(session)
    let events = try await session.events(before: before, limit: min(max(limit, 1), 1000))
      .map { try JSON.decode(Event.self, from: $0.json) }
    return API.Events(events: events, generation: session.generation)
  }

  package func cursor(_ session: SessionID, after: Int64) async throws -> any EventCursor {
    let feed = try feed(of: session)
    return LiveCursor(
      feed: feed, stored: { [self] in try await self.session(session).events(after: $0, limit: 500) }, after: max(after, 0),
      heard: feed.signalled)
  }

  package func feed(_ session: SessionID) async throws -> SessionFeed { try feed(of: session) }

  private func feed(of session: SessionID) throws -> SessionFeed {
    if let feed = feeds[session]?.feed { return feed }
    return try self.session(session).feed
  }

  package func signal(_ session: SessionID, _ signal: SessionSignal) async throws {
    guard let feed = feeds[session]?.feed else { return }
    feed.signal(signal)
  }

  package func artifact(_ session: SessionID, _ artifact: ArtifactID) async throws -> (Artifact, Data) {
    try await self.session(session).artifact(artifact)
  }

  // MARK: What is asked

  private func agent(asked: AgentName?, repository: Repository) async throws -> AgentName {
    let settings = services.configuration.repositories[repository.name]
    let named = asked ?? settings?.agent ?? repository.agent ?? services.configuration.agents.defaultAgent
    if let named { return try services.agents.definition(of: named).name }
    let installed = Set(try await services.provider.bundles().map(\.agent))
    guard let first = services.agents.all.first(where: { installed.contains($0.name) }) else {
      throw RookeryError(
        .agentNotInstalled, "No coding agent is installed.", mend: "Run “rookery agent install agentao”, or use --agent command.")
    }
    return first.name
  }

  static func checked(_ text: String, requestId: String) throws -> String {
    guard (1...200).contains(requestId.utf8.count) else {
      throw RookeryError(.badRequest, "requestId must have 1 to 200 bytes.", mend: "A UUID will do.")
    }
    guard !text.allSatisfy(\.isWhitespace) else {
      throw RookeryError(.badRequest, "The prompt is empty.", mend: "Say what should be done.")
    }
    guard text.utf8.count <= LiveSession.maximumPrompt else {
      throw RookeryError(
        .tooLarge, "The prompt has \(text.utf8.count) bytes; at most \(LiveSession.maximumPrompt) are taken.",
        mend: "Put long material into a file of the repository and name it.")
    }
    return text
  }

  /// The first line that says something, cut at a word where it is longer than `limit` characters.
  static func title(of text: String, limit: Int) -> String {
    let line = text.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }.first { !$0.isEmpty } ?? "Untitled"
    guard line.count > limit else { return line }
    let cut = line.prefix(limit - 1)
    let word = cut.lastIndex(of: " ").map { cut[..<$0] } ?? cut
    return word + "…"
  }

  private static func digest(_ text: String) -> Data { Data(SHA256.hash(data: Data(text.utf8))) }

  // MARK: Reports

  private func followHost() async {
    var after: Int64 = 0
    await following("host") {
      let events = try await self.services.provider.events(after: after, wait: 20)
      for event in events {
        if let session = await self.owner(of: event.sandbox) {
          try await self.using(session) { try await $0.hostReported(event) }
        } else {
          await self.services.pool?.hostReported(event)
        }
        after = event.seq
      }
    }
  }

  private func followUsage() async {
    var after: Int64 = 0
    await following("gateway") {
      for entry in try await self.services.gateway.usage(after: after, wait: 20) {
        if let session = await self.owner(of: entry.sandbox) { try await self.using(session) { try await $0.gatewayReported(entry) } }
        after = entry.seq
      }
    }
  }

  private func followReports() async {
    var after: Int64 = 0
    await following("gateway") {
      for report in try await self.services.gateway.reports(after: after, wait: 20) {
        if let session = await self.owner(of: report.sandbox) { try await self.using(session) { try await $0.gatewayReported(report) } }
        after = report.seq
      }
    }
  }

  /// Repeats a long poll until the task is cancelled; a peer that is away is asked again in a second.
  private func following(_ peer: String, _ poll: () async throws -> Void) async {
    while !Task.isCancelled, !closing {
      do {
        try await poll()
      } catch {
        if Task.isCancelled { return }
        services.logger.debug("a report could not be read", metadata: ["peer": "\(peer)", "error": "\(error)"])
        try? await Task.sleep(for: .seconds(1))
      }
    }
  }

  private func owner(of sandbox: SandboxID) async -> SessionID? {
    for (id, session) in live where await session.meta.sandbox == sandbox { return id }
    return resting.first { $0.value.sandbox == sandbox }?.key
  }
}

/// A feed that is there as long as someone holds it: its session, or who follows it.
private struct WeakFeed {
  weak var feed: SessionFeed?
}
