import Foundation
import Logging
import RookeryModel
import RookerySandbox
import RookeryStore

/// One session: the only writer of its file, the owner of its running turn.
///
/// Everything that clients see was committed first (the output gate): `commit` is synchronous, and only then publishes.
actor LiveSession {
  nonisolated let id: SessionID
  private nonisolated let lane: Lane
  nonisolated var unownedExecutor: UnownedSerialExecutor { lane.asUnownedSerialExecutor() }

  let services: SessionServices
  let store: SessionStore
  let logger: Logger
  private let indexer: SessionIndexer
  private let searcher: SearchIndexer

  var meta: SessionMeta
  let generation: Int
  var turn: TurnState?
  /// Prompts that wait.
  var queued = 0
  var seq: Int64
  /// Those who follow the session hear through it.
  let feed: SessionFeed
  private var persisted: (meta: SessionMeta, turn: TurnState?)
  /// Events that may wait for the next commit, a moment later: what they follow from is repeatable until then.
  private var deferred: [EventPayload] = []

  /// Set when the server shuts down: nothing is failed any more, all is left for the next process.
  var closing = false
  /// Set when the session was put to rest: another actor may have its file.
  private(set) var isRetired = false
  /// Writes that go to disk together, next.
  var gathered: [GatheredWrite] = []
  var lastCommit = ContinuousClock.now
  var runner: Task<Void, Never>?
  var sandbox: (any Sandbox)?
  /// The sandbox that was asked for while this session's file was made.
  var early: EarlySandbox?
  var link: AgentLink?
  /// The watch over the repository's services in `sandbox`.
  var serviceWatch: ServiceWatch?
  /// Resumed when the running turn's agent may have come to an end.
  var workWaiter: CheckedContinuation<Void, Never>?
  /// Waits for the next alarm.
  var alarmTimer: Task<Void, Never>?
  /// The step of the turn that runs now.
  var step: Task<Void, any Error>?
  /// Signals an agent that was asked to stop and did not.
  var stopping: Task<Void, Never>?
  /// Seconds for which our own processes may still be away.
  var patience = LiveSession.patience
  /// The newest limit that was hit: where the agent fails next, this is why.
  var lastLimit: LimitHit?
  /// Secrets that the operator lets this session's agent see, by the variable that holds them; never stored.
  var exposedSecrets: [String: Secret] = [:]

  /// Opens a session's file, unless `store` is it already. `known`: the feed that others follow already.
  init(
    _ id: SessionID, store: SessionStore? = nil, services: SessionServices, indexer: SessionIndexer, searcher: SearchIndexer,
    feed known: SessionFeed? = nil
  ) throws {
    let store = try store ?? SessionStore(directory: services.directory, session: id, create: false, epoch: services.epoch)
    let loaded = try store.read { transaction in
      guard let stored = try transaction.meta() else {
        throw RookeryError(.notFound, "The session “\(id)” was never begun.", mend: "Repeat the request that made it.")
      }
      return (
        generation: stored.generation, meta: try JSON.decode(SessionMeta.self, from: stored.body),
        turn: try transaction.lastTurn().map { try JSON.decode(TurnState.self, from: $0.body) }, seq: try transaction.lastSeq(),
        queued: try transaction.prompts().count { $0.state == .queued }
      )
    }
    self.id = id
    lane = Lane.of(id.hashValue)
    self.services = services
    self.store = store
    self.indexer = indexer
    self.searcher = searcher
    var logger = services.logger
    logger[metadataKey: "session"] = "\(id)"
    self.logger = logger
    meta = loaded.meta
    generation = loaded.generation
    turn = loaded.turn
    seq = loaded.seq
    queued = loaded.queued
    persisted = (loaded.meta, loaded.turn)
    feed = known ?? SessionFeed(id, generation: loaded.generation, seq: loaded.seq)
  }

  // MARK: Writing

  /// Commits events together with what they follow from: the session's facts, the turn's state, and whatever `body` writes.
  /// On a throw, memory is what the file says again.
  @discardableResult
  func commit(
    _ payloads: [EventPayload] = [], turn number: Int? = nil, also body: (SessionTransaction) throws -> [StoredEvent] = { _ in [] }
  ) throws -> [StoredEvent] {
    guard !isRetired else { throw SessionRetired() }
    let now = Date()
    lastCommit = .now
    meta.updated = now
    do {
      let stored = try store.write { transaction in
        var events = try (deferred + payloads).map { try transaction.append($0, turn: number ?? turn?.number, at: now) }
        events += try body(transaction)
        if meta != persisted.meta { try transaction.setMeta(JSON.encode(meta)) }
        if let turn, turn != persisted.turn { try transaction.setTurn(turn.number, prompt: turn.prompt, body: JSON.encode(turn)) }
        return events
      }
      persisted = (meta, turn)
      deferred = []
      publish(stored)
      return stored
    } catch {
      (meta, turn) = persisted
      deferred = []
      throw error
    }
  }

  /// Takes the newest turn as the file has it, after it was changed there.
  func reload(_ body: Data) throws {
    turn = try JSON.decode(TurnState.self, from: body)
    persisted.turn = turn
  }

  /// Leaves events to the next commit. Each commit waits for the disk, and an agent's start waits for each commit.
  func commitLater(_ payloads: [EventPayload]) { deferred += payloads }

  private func publish(_ stored: [StoredEvent]) {
    if let last = stored.last { seq = last.seq }
    feed.publish(stored.map { EncodedEvent(seq: $0.seq, kind: $0.kind, json: $0.json) })
    indexer.update(summary)
    if !stored.isEmpty { searcher.note(id) }
  }

  /// Tells whoever listens now of something that is no event.
  func signal(_ signal: SessionSignal) { feed.signal(signal) }

  // MARK: Rest

  /// Puts a session that does nothing to rest: its file may be closed and this actor dropped. Nil when it is not at rest, or was used
  /// within `idle`.
  func retire(idleFor idle: Duration) -> RestingSession? {
    guard !isRetired, !closing, isAtRest, ContinuousClock.now - lastCommit >= idle else { return nil }
    let due: Date?
    do { due = try store.read { try $0.alarms() }.first?.due } catch { return nil }
    isRetired = true
    closing = true
    alarmTimer?.cancel()
    link?.pump?.cancel()
    link = nil
    feed.rest()
    if let sandbox {
      self.sandbox = nil
      Task { await sandbox.detach() }
    }
    return RestingSession(sandbox: meta.sandbox, alarm: due)
  }

  /// What the runner holds for us waits there as long as we rest; a watched service may change at any time.
  private var isAtRest: Bool {
    guard runner == nil, step == nil, !hasWork, deferred.isEmpty, gathered.isEmpty else { return false }
    guard serviceWatch == nil || meta.paused == true || meta.sandbox == nil else { return false }
    guard let link else { return true }
    return link.inbox.isEmpty && link.outgoing.isEmpty && !link.draining && !link.writing
  }

  // MARK: Reading

  func events(before: Int64, limit: Int) throws -> [EncodedEvent] {
    try store.read { try $0.events(before: before, limit: limit, bytes: 256 << 10) }
      .map { EncodedEvent(seq: $0.seq, kind: $0.kind, json: $0.json) }
  }

  func events(after: Int64, limit: Int) throws -> [EncodedEvent] {
    try store.read { try $0.events(after: after, limit: limit, bytes: 256 << 10) }
      .map { EncodedEvent(seq: $0.seq, kind: $0.kind, json: $0.json) }
  }

  /// Lets readers and the running turn go without ending anything: sandbox and agent live on for the next process.
  func close() async {
    closing = true
    feed.close()
    alarmTimer?.cancel()
    stopping?.cancel()
    link?.pump?.cancel()
    serviceWatch?.task.cancel()
    runner?.cancel()
    wakeWork()
    await runner?.value
    await sandbox?.detach()
  }

  var summary: SessionSummary {
    let state: SessionSummary.State =
      if let turn, turn.phase != .done {
        turn.stopRequested ? .stopping : .running
      } else {
        queued > 0 ? .queued : .idle
      }
    return SessionSummary(
      id: meta.id, repository: meta.repository, branch: meta.branch, agent: meta.agent, owner: meta.owner, title: meta.title,
      state: state, created: meta.created, updated: meta.updated, seq: seq, generation: generation, pullRequest: meta.pullRequest,
      lastResult: meta.lastResult)
  }

  var directory: String { "/workspace/\(meta.repository)" }
}
