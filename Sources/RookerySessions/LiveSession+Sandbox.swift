import Foundation
import Logging
import RookeryAgents
import RookeryConfiguration
import RookeryModel
import RookerySandbox
import RookeryStore

extension LiveSession {
  /// Ids of sandboxes that sessions start themselves begin with this.
  static let sandboxPrefix = "run-"

  /// Gets the turn a sandbox, with the repository's services in it: the session's own if it lives, else one from its snapshot, else
  /// one that waits in the pool, else a fresh one from the image.
  func claimSandbox() async throws {
    if try await !reattach() {
      let agent = try await agentDefinition()
      if try await !claimWarm(agent) { try await startSandbox(agent) }
    }
    try await awaitServices()
  }

  func expect(_ sandbox: EarlySandbox) { early = sandbox }

  private func startSandbox(_ agent: AgentDefinition) async throws {
    let early = try? await early?.start.value
    self.early = nil
    let (image, environment) =
      if let early { (early.image, early.environment) } else { try await services.repositories.image(for: meta.repository) }
    let isNew = meta.sandbox == nil
    let fresh = meta.sandbox ?? .random(prefix: Self.sandboxPrefix)
    let order = services.order(fresh, for: meta, agent: agent, image: image, environment: environment)
    // It starts while its id goes to the disk, and while it is settled what it may reach. One whose id was never stored belongs to
    // nobody: the next start of the server ends it.
    async let created = create(order, early: early?.sandbox)
    async let granted: Void = grant(fresh, limits: order.limits)
    if isNew {
      meta.sandbox = fresh
      meta.sandboxReady = false
      do {
        try commit()
      } catch {
        _ = try? await created
        try? await services.provider.terminate(fresh, keep: nil)
        throw error
      }
    }
    do {
      sandbox = try await created
    } catch let error as RookeryError where error.code == .notFound && meta.snapshot != nil {
      meta.snapshot = nil
      meta.agentSession = nil
      let text = "The session's snapshot is gone: it starts again from the image and the pushed branch."
      try commit([.notice(.init(level: .warning, text: text))])
      var again = order
      again.source = .image(image.id)
      sandbox = try await services.provider.create(again)
    }
    try await granted
    meta.sandboxReady = true
    meta.runtimeSeconds = order.limits.runtimeSeconds
    meta.environment = environment.env
    meta.services = environment.start
    meta.serviceStates = nil
    meta.awaitsSync = nil
    if meta.baseCommit == nil { meta.baseCommit = image.commit }
    let restored = meta.snapshot != nil
    commitLater([
      .sandboxReady(
        .init(
          sandbox: fresh, source: restored ? .snapshot : .image, image: restored ? nil : image.id, commit: restored ? nil : image.commit))
    ])
    watchServices()
  }

  private nonisolated func create(_ order: CreateSandbox, early: (any Sandbox)?) async throws -> any Sandbox {
    if let early { return early }
    do {
      return try await services.provider.create(order)
    } catch let error as RookeryError where error.code == .conflict {
      // It was asked for before a restart of ours, from an image that a newer one has replaced meanwhile.
      try await services.provider.terminate(order.id, keep: nil)
      return try await services.provider.create(order)
    }
  }

  /// True when the session's own sandbox lives and is ours again. One that died is kept as a snapshot.
  func reattach() async throws -> Bool {
    guard let own = meta.sandbox, meta.sandboxReady else { return false }
    if turn?.phase == .claim, try await !isFit(own) { return false }
    try await wake()
    if sandbox == nil { sandbox = try await services.provider.attach(own) }
    if sandbox != nil {
      try await grant(own, limits: limits(asked: nil))
      if turn?.phase == .claim {
        try commit([.sandboxReady(.init(sandbox: own, source: .running, image: nil, commit: nil))])
      }
      watchServices()
      return true
    }
    try await salvage(reason: "It ended while no turn ran.")
    return false
  }

  /// Whether a new turn can begin in the sandbox. One that died is kept as a snapshot, and so is one with little time left: the turn
  /// then rather begins in a new one.
  private func isFit(_ own: SandboxID) async throws -> Bool {
    let record = try await services.provider.list().first { $0.id == own }
    guard let record, record.state != .dead else {
      await sandbox?.detach()
      try await salvage(reason: "It ended while no turn ran.")
      return false
    }
    guard let seconds = meta.runtimeSeconds else { return true }
    let left = record.created.addingTimeInterval(Double(seconds)).timeIntervalSinceNow
    if left >= max(Double(seconds) / 4, 2 * Self.lifetimeMargin) { return true }
    try await releaseSandbox()
    return false
  }

  /// The sandbox is gone: what it wrote becomes the snapshot that the next one starts from.
  func salvage(reason: String) async throws {
    guard let lost = meta.sandbox else { return }
    let snapshot = try SnapshotID(of: lost)
    var kept: SnapshotID?
    var events: [EventPayload] = [.sandboxLost(.init(sandbox: lost, reason: reason))]
    do {
      try await services.provider.terminate(lost, keep: snapshot)
      kept = snapshot
    } catch let error as RookeryError where error.code == .notFound {
      // The provider lost its files (another machine, a wiped disk): what was pushed is what there is.
      meta.snapshot = nil
      events.append(.notice(.init(level: .warning, text: "The sandbox's files are gone: the session starts again from its image.")))
    }
    try? await services.gateway.revoke(lost)
    sandbox = nil
    serviceWatch?.task.cancel()
    serviceWatch = nil
    link?.pump?.cancel()
    link = nil
    meta.sandbox = nil
    meta.paused = nil
    meta.agentProcess = nil
    if let kept { try record(kept, of: lost, after: events) } else { try commit(events) }
  }

  /// The session's agent, known and installed.
  func agentDefinition() async throws -> AgentDefinition {
    let agent = try services.agents.definition(of: meta.agent)
    if !agent.python.isEmpty, try await !services.provider.bundles().contains(where: { $0.agent == agent.name }) {
      throw RookeryError(
        .agentNotInstalled, "The agent “\(agent.name)” is not installed on this host.", mend: "Run “rookery agent install \(agent.name)”.")
    }
    return agent
  }

  /// Puts the branch and this prompt's author in place.
  func checkOut() async throws {
    guard let turn, let sandbox else { throw RookeryError(.sandboxLost, "The sandbox is gone.", mend: "Send the prompt again.") }
    if !(try holdsAnswers) { try await bringUpToDate() }
    let litter = Set([meta.agent, meta.waitedWith].compactMap { $0 }).sorted().flatMap { services.agents[$0]?.litter ?? [] }
    let result = try await sandbox.run(
      git.checkout(id: try ProcessID("turn-\(turn.number)-checkout"), branch: meta.branch, author: turn.author, litter: litter))
    guard result.exit.succeeded else {
      throw RookeryError(
        .sandboxFailed, "The branch could not be checked out: \(GitScripts.lastLine(of: result.errorOutput))",
        mend: "Start a new session; this one's repository was damaged.", context: result.errorOutput)
    }
    self.turn?.startCommit = result.output.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  var git: GitScripts { GitScripts(repository: meta.repository, session: id) }
}
