import Foundation
import Logging
import RookeryConfiguration
import RookeryModel
import RookerySandbox
import RookeryStore

/// Durable alarms: they survive a restart of the server, and ring again until they succeeded.
extension LiveSession {
  /// Sets the alarms of a session that became idle.
  func becomeIdle() async {
    guard meta.sandbox != nil, !closing else { return }
    let settings = services.configuration.sandbox
    var due: [SessionAlarm: Date] = [.release: Date(timeIntervalSinceNow: Double(settings.idleReleaseSeconds))]
    if meta.paused != true, settings.idlePauseSeconds < settings.idleReleaseSeconds {
      due[.pause] = Date(timeIntervalSinceNow: Double(settings.idlePauseSeconds))
    }
    if let expiry = try? await sandboxExpiry() { due[.lifetime] = expiry.addingTimeInterval(-Self.lifetimeMargin) }
    guard runner == nil, !closing, meta.sandbox != nil else { return }
    do {
      try commit { transaction in
        for (alarm, date) in due { try transaction.setAlarm(StoredAlarm(name: alarm.rawValue, due: date)) }
        return []
      }
    } catch {
      logger.warning("could not set an idle session's alarms", metadata: ["error": "\(error)"])
    }
    arm()
  }

  /// Takes up the alarms that the file has; a session that was killed before it set them gets them now.
  func takeUpAlarms() async {
    guard meta.sandbox != nil else { return }
    if let alarms = try? store.read({ try $0.alarms() }), !alarms.isEmpty { return arm() }
    await becomeIdle()
  }

  /// Waits for the next alarm.
  func arm() {
    alarmTimer?.cancel()
    guard !closing, let next = try? store.read({ try $0.alarms() }).first else { return }
    alarmTimer = Task {
      do { try await Task.sleep(for: .seconds(max(0, next.due.timeIntervalSinceNow))) } catch { return }
      self.ring(next)
    }
  }

  /// Rings an alarm ahead of its time.
  func ringNow(_ alarm: SessionAlarm) { ring(StoredAlarm(name: alarm.rawValue, due: Date())) }

  /// Takes the place of a turn, so that a prompt that comes meanwhile waits for the end of it.
  private func ring(_ alarm: StoredAlarm) {
    // A turn that began meanwhile took the alarms back.
    guard runner == nil, !closing else { return }
    runner = Task {
      do {
        try await self.perform(alarm)
        try self.commit { transaction in
          try transaction.removeAlarm(alarm.name)
          if self.meta.sandbox == nil { try transaction.removeAlarms() }
          return []
        }
      } catch {
        if !self.closing { self.repeatLater(alarm, after: error) }
      }
      self.runner = nil
      if self.hasWork { self.runIfIdle() } else { self.arm() }
    }
  }

  private func perform(_ alarm: StoredAlarm) async throws {
    switch SessionAlarm(rawValue: alarm.name) {
    case .pause: try await pauseSandbox()
    case .release, .lifetime: try await releaseSandbox()
    // Written by a newer version.
    case nil: break
    }
  }

  private func repeatLater(_ alarm: StoredAlarm, after error: any Error) {
    logger.warning("an alarm's work failed", metadata: ["alarm": "\(alarm.name)", "error": "\(error)"])
    let delay = SessionAlarm.delay(afterAttempts: alarm.attempts + 1, jitter: .random(in: 0...1))
    do {
      if let delay {
        let next = StoredAlarm(name: alarm.name, due: Date(timeIntervalSinceNow: delay / .seconds(1)), attempts: alarm.attempts + 1)
        try commit { transaction in
          try transaction.setAlarm(next)
          return []
        }
      } else {
        let text = "The sandbox could not be put to rest: \((error as? RookeryError)?.message ?? "for a reason of our own")"
        try commit([.notice(.init(level: .warning, text: text))]) { transaction in
          try transaction.removeAlarm(alarm.name)
          return []
        }
      }
    } catch {
      logger.warning("an alarm could not be moved", metadata: ["alarm": "\(alarm.name)", "error": "\(error)"])
    }
  }

  // MARK: Rest

  /// Every process of an idle sandbox stands still until the next prompt; a snapshot is taken before, for a machine may fail in a
  /// long pause.
  private func pauseSandbox() async throws {
    guard let idle = meta.sandbox, meta.sandboxReady, meta.paused != true else { return }
    do {
      // The same one however often a pause fails.
      try await takeSnapshot(SnapshotID("\(id)-p\(meta.pauses ?? 0)"), of: idle)
    } catch let error as RookeryError where error.code == .credentialFound {
      try commit([.notice(.init(level: .warning, text: "No snapshot was taken before the pause: \(error.message)"))])
    }
    try await services.provider.pause(idle)
    meta.paused = true
    meta.pauses = (meta.pauses ?? 0) + 1
    try commit([.sandboxPaused(.init(sandbox: idle))])
  }

  /// Ends the sandbox and keeps its filesystem, for the next prompt to go on from.
  func releaseSandbox() async throws {
    guard let idle = meta.sandbox else { return }
    let snapshot = try SnapshotID(of: idle)
    do {
      try await wake()
      try await closeAgent()
    } catch let error as RookeryError {
      // Its conversation may be lost, its files are not.
      logger.notice("an agent could not be ended in peace", metadata: ["error": "\(error)"])
    }
    var events: [EventPayload] = []
    var isSearched = false
    do {
      try await search(idle)
      isSearched = true
    } catch let error as RookeryError {
      // Work is never thrown away: the session alone goes on from it.
      logger.notice("what a sandbox leaves was not found clean", metadata: ["error": "\(error)"])
      let text = "Nobody can fork the session from here: \(error.message)"
      if error.code == .credentialFound { events.append(.notice(.init(level: .warning, text: text))) }
    }
    link?.pump?.cancel()
    link = nil
    await sandbox?.detach()
    sandbox = nil
    try await services.provider.terminate(idle, keep: snapshot)
    try await services.gateway.revoke(idle)
    meta.sandbox = nil
    meta.sandboxReady = false
    meta.paused = nil
    meta.agentProcess = nil
    try record(snapshot, of: idle, after: events, isSearched: isSearched)
  }

  /// Lets a paused sandbox go on.
  func wake() async throws {
    guard meta.paused == true, let own = meta.sandbox else { return }
    try await services.provider.resume(own)
    meta.paused = nil
    commitLater([.sandboxResumed(.init(sandbox: own))])
  }

  /// Lets the agent end by itself, which is when some write their conversation down; one that doesn't is signalled.
  private func closeAgent() async throws {
    guard let own = meta.sandbox, let process = meta.agentProcess else { return }
    if sandbox == nil { sandbox = try await services.provider.attach(own) }
    guard let sandbox else { return }
    if link == nil { try connect(to: process, in: sandbox) }
    let steps: [(ProcessSignal?, Duration)] = [(nil, .seconds(5)), (.terminate, .seconds(2)), (.kill, .seconds(2))]
    for (signal, patience) in steps where link?.process == process {
      if let signal { try await sandbox.signal(process, signal) } else { try await sandbox.closeInput(of: process) }
      await awaitExit(of: process, for: patience)
    }
  }

  private func awaitExit(of process: ProcessID, for patience: Duration) async {
    let deadline = ContinuousClock.now + patience
    let timer = Task {
      try await Task.sleep(until: deadline)
      self.wakeWork()
    }
    defer { timer.cancel() }
    while link?.process == process, !closing, ContinuousClock.now < deadline {
      await withCheckedContinuation { workWaiter = $0 }
    }
  }

  // MARK: Lifetime

  /// Seconds before its end in which a sandbox is put to rest rather than killed by its host.
  static let lifetimeMargin = 20.0

  /// When the host will end the sandbox.
  func sandboxExpiry() async throws -> Date? {
    guard let own = meta.sandbox, let seconds = meta.runtimeSeconds else { return nil }
    return try await services.provider.list().first { $0.id == own }?.created.addingTimeInterval(Double(seconds))
  }
}
