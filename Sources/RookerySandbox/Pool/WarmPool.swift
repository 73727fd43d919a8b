import Foundation
import Logging
import RookeryModel
import RookeryStore

/// Sandboxes that wait, frozen, for the next sessions. `PoolState` decides; this does what it says, and keeps the registry's
/// record of every warm sandbox ahead of what is done to it, so that a restart leaks none and gives none away twice.
package actor WarmPool {
  /// Ids of sandboxes that were prepared here start with this; a session that claims one keeps the id.
  package static let sandboxPrefix = "warm-"

  private let registry: Registry
  private let provider: any SandboxProvider
  private let gateway: GatewayClient?
  private let preparer: any WarmPreparing
  /// Whether the session recorded the sandbox as its own: asked once for each that was claimed when an earlier server ended.
  private let isRecorded: @Sendable (SessionID, SandboxID) async -> Bool
  private let logger: Logger
  /// How often ages, images and lost sandboxes are looked at, beside when something happens.
  private let period: Duration
  private let now: @Sendable () -> Date

  private var state: PoolState
  private var settings: [RepositoryName: PoolSettings] = [:]
  private var kept: [SandboxID: Kept] = [:]
  private var preparations: [SandboxID: BuildCancellation] = [:]
  private var hints: AsyncStream<Void>.Continuation?
  private var recovered = false

  private struct Kept {
    var content: WarmContent
    var sandbox: (any Sandbox)?
  }

  /// - Parameters:
  ///   - memoryBudget: bytes that all warm sandboxes may use together.
  ///   - atOnce: preparations that run at once.
  package init(
    registry: Registry, provider: any SandboxProvider, gateway: GatewayClient?, preparer: any WarmPreparing, memoryBudget: Int,
    atOnce: Int, period: Duration = .seconds(5), logger: Logger, now: @escaping @Sendable () -> Date = { Date() },
    isRecorded: @escaping @Sendable (SessionID, SandboxID) async -> Bool
  ) {
    self.registry = registry
    self.provider = provider
    self.gateway = gateway
    self.preparer = preparer
    self.period = period
    self.logger = logger
    self.now = now
    self.isRecorded = isRecorded
    state = PoolState(memoryBudget: memoryBudget, atOnce: atOnce)
  }

  // MARK: Running

  /// Keeps the pools filled until the task is cancelled. Sandboxes that are ready then stay, for the next server.
  package func run() async throws {
    let (wakeups, hints) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
    self.hints = hints
    defer { self.hints = nil }
    await recover()
    await withDiscardingTaskGroup { group in
      group.addTask { [period] in
        while !Task.isCancelled {
          hints.yield()
          try? await Task.sleep(for: period)
        }
        hints.finish()
      }
      for await _ in wakeups {
        if Task.isCancelled { break }
        await look()
        for action in state.plan(at: now(), makeID: { .random(prefix: Self.sandboxPrefix) }) { begin(action, in: &group) }
      }
      group.cancelAll()
    }
    try Task.checkCancellation()
  }

  /// Looks again soon: an image was published, a repository added.
  package func changed() { hints?.yield() }

  /// Brings the state up to the registry and the provider.
  private func look() async {
    do {
      let repositories = try await preparer.repositories()
      settings = repositories.mapValues(\.settings)
      state.update(repositories, at: now())
      let waiting = state.entries.values.filter { $0.state == .ready }.map(\.id)
      guard !waiting.isEmpty else { return }
      let alive = Set(try await provider.list().filter { $0.state != .dead }.map(\.id))
      for id in waiting where !alive.contains(id) { lost(id) }
    } catch {
      logger.debug("the warm pool could not look around", metadata: ["error": "\(error)"])
    }
  }

  private func begin(_ action: PoolState.Action, in group: inout DiscardingTaskGroup) {
    switch action {
    case .prepare(let id, let repository, let validity):
      let cancellation = BuildCancellation()
      preparations[id] = cancellation
      group.addTask { await cancellation.run { await self.prepare(id, repository, validity) } }
    case .retire(let id):
      // A preparation that is under way clears up after itself.
      if let preparation = preparations[id] { preparation.cancel() } else { group.addTask { await self.clear(id) } }
    }
  }

  private func prepare(_ id: SandboxID, _ repository: RepositoryName, _ validity: PoolValidity) async {
    let order = WarmOrder(id: id, repository: repository, validity: validity, maximumAge: settings[repository]?.maximumAge ?? 0)
    let clock = ContinuousClock()
    let began = clock.now
    do {
      try await registry.insertWarm(
        .init(sandbox: id, repository: repository, state: .preparing, began: now(), validity: try JSON.encode(validity)))
      let (content, sandbox) = try await preparer.prepare(order)
      let memory = try await provider.list().first { $0.id == id }?.memoryBytes
      try Task.checkCancellation()
      guard try await registry.warmIsReady(id, content: JSON.encode(content)) else {
        throw RookeryError(.internal, "A warm sandbox is not recorded any more.")
      }
      preparations[id] = nil
      guard state.prepared(id, bundles: content.bundles, memory: memory) else { return await clear(id) }
      kept[id] = Kept(content: content, sandbox: sandbox)
      logger.info(
        "a sandbox is warm",
        metadata: ["sandbox": "\(id)", "repository": "\(repository)", "took": "\(clock.now - began)", "memory": "\(memory ?? 0)"])
    } catch {
      let isRetired = state.entries[id]?.state == .retiring
      // Shut down: the next server ends what is left, so that this one ends at once.
      if Task.isCancelled, !isRetired { return }
      preparations[id] = nil
      if !isRetired {
        let failure = error as? RookeryError ?? RookeryError(.internal, "The sandbox could not be prepared.", context: "\(error)")
        state.failed(id, with: failure, at: now())
        logger.notice(
          "a sandbox could not be warmed",
          metadata: ["repository": "\(repository)", "error": "\(failure)", "context": "\(failure.context)"])
      }
      await clear(id)
    }
    hints?.yield()
  }

  /// Ends the sandbox and forgets it; tried again at each look while something is in the way.
  private func clear(_ id: SandboxID) async {
    let sandbox = kept.removeValue(forKey: id)?.sandbox
    await sandbox?.detach()
    var pause = Duration.milliseconds(200)
    while true {
      do {
        try await uncancelled { [provider, gateway, registry] in
          try? await gateway?.revoke(id)
          try await provider.terminate(id, keep: nil)
          try await registry.removeWarm(id)
        }
        state.removed(id)
        hints?.yield()
        return
      } catch {
        logger.notice("a warm sandbox could not be ended yet", metadata: ["sandbox": "\(id)", "error": "\(error)"])
        do { try await Task.sleep(for: pause) } catch { return }
        pause = min(pause * 2, .seconds(30))
      }
    }
  }

  private func lost(_ id: SandboxID) {
    guard state.died(id) else { return }
    logger.notice("a warm sandbox ended by itself", metadata: ["sandbox": "\(id)"])
    Task { await self.clear(id) }
  }

  /// What the host says of a sandbox that no session has.
  package func hostReported(_ event: HostEvent) {
    if case .exited = event.kind { lost(event.sandbox) }
  }

  // MARK: Restart

  /// Takes up what an earlier server left: frozen ones that are complete stay, everything else goes.
  private func recover() async {
    while !Task.isCancelled, !recovered {
      do {
        try await takeUp()
        recovered = true
      } catch {
        logger.notice("warm sandboxes of an earlier server wait to be taken up", metadata: ["error": "\(error)"])
        do { try await Task.sleep(for: .seconds(1)) } catch { return }
      }
    }
  }

  private func takeUp() async throws {
    let records = Dictionary(try await provider.list().map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    for row in try await registry.warmSandboxes() where state.entries[row.sandbox] == nil {
      if row.state == .claimed, let session = row.session, await isRecorded(session, row.sandbox) {
        try await registry.removeWarm(row.sandbox)
        continue
      }
      let record = records[row.sandbox]
      if row.state == .ready, let record, record.state == .frozen, let content = try? JSON.decode(WarmContent.self, from: row.content),
        let validity = try? JSON.decode(PoolValidity.self, from: row.validity)
      {
        state.adopt(
          PoolEntry(
            id: row.sandbox, repository: row.repository, validity: validity, began: row.began, state: .ready, bundles: content.bundles,
            memory: record.memoryBytes))
        kept[row.sandbox] = Kept(content: content, sandbox: nil)
      } else {
        try await provider.terminate(row.sandbox, keep: nil)
        // An orderly end of the whole system keeps what it does not know as a snapshot.
        try? await provider.removeSnapshot(SnapshotID(of: row.sandbox))
        try await registry.removeWarm(row.sandbox)
      }
    }
  }

  // MARK: Claiming

  /// A warm sandbox for `session`, thawed; nil when there is none that fits. Record it with the session, then `confirm` it; or
  /// `abandon` it.
  ///
  /// - Parameter bundle: an agent that must be in it.
  package func claim(_ repository: RepositoryName, for session: SessionID, needing bundle: AgentName?) async throws -> WarmClaim? {
    defer { hints?.yield() }
    while let id = state.claim(repository, for: session, needing: bundle, at: now()) {
      guard let entry = state.entries[id], let kept = kept[id] else {
        await abandon(id)
        continue
      }
      do {
        // Both must hold before it is the session's; neither needs the other.
        async let marked = registry.claimWarm(id, for: session)
        async let thawed: Void = provider.resume(id)
        try await thawed
        guard try await marked else { throw RookeryError(.conflict, "The warm sandbox \(id) is not ready.") }
        guard let sandbox = try await connected(id, kept.sandbox) else {
          throw RookeryError(.sandboxLost, "The warm sandbox \(id) has ended.")
        }
        return WarmClaim(sandbox: sandbox, image: entry.validity.image, content: kept.content)
      } catch {
        await abandon(id)
        try Task.checkCancellation()
        logger.notice("a warm sandbox could not be claimed", metadata: ["sandbox": "\(id)", "error": "\(error)"])
      }
    }
    return nil
  }

  private func connected(_ id: SandboxID, _ sandbox: (any Sandbox)?) async throws -> (any Sandbox)? {
    if let sandbox { return sandbox }
    return try await provider.attach(id)
  }

  /// The session has recorded the sandbox as its own.
  package func confirm(_ id: SandboxID) async throws {
    state.confirmed(id)
    kept[id] = nil
    try await uncancelled { [registry] in try await registry.removeWarm(id) }
  }

  /// The session will not use the sandbox that it claimed.
  package func abandon(_ id: SandboxID) async {
    guard state.abandoned(id) else { return }
    Task { await self.clear(id) }
  }

  // MARK: Asking

  /// Whether one waits for the next session of the repository.
  package func offers(_ repository: RepositoryName) -> Bool {
    state.entries.values.contains { $0.repository == repository && $0.state == .ready }
  }

  /// `user` is about to begin a session of the repository. Throws `repositoryUnknown`.
  package func warm(_ repository: RepositoryName, for user: UserID) async throws {
    _ = try await registry.repository(repository)
    state.want(repository, by: user, at: now())
    hints?.yield()
  }

  /// Throws `repositoryUnknown`.
  package func pool(of repository: RepositoryName) async throws -> API.Pool {
    _ = try await registry.repository(repository)
    let sandboxes = state.entries.values.filter { $0.repository == repository }.sorted { ($0.began, $0.id) < ($1.began, $1.id) }
    return API.Pool(
      repository: repository, size: state.size(of: repository) ?? 0, target: state.targets(at: now())[repository] ?? 0,
      sandboxes: sandboxes.map { entry in
        API.WarmSandbox(
          sandbox: entry.id, state: entry.state.shown, image: entry.validity.image, commit: kept[entry.id]?.content.commit,
          agent: kept[entry.id]?.content.agent, began: entry.began, memoryMB: entry.memory.map { $0 >> 20 })
      }, problem: state.problem(of: repository))
  }
}

extension PoolEntry.State {
  fileprivate var shown: API.WarmSandbox.State {
    switch self {
    case .preparing: .preparing
    case .ready: .ready
    case .claimed: .claimed
    case .retiring: .retiring
    }
  }
}
