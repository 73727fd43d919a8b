import RookeryModel

/// What the supervisor does when, as a pure value: events go in, actions come out.
///
/// host and gateway are started first, serve when both have answered once. A process that dies is started again after a growing
/// wait; one that says its configuration is wrong ends everything, since starting it again would say the same. Stopping goes
/// serve, gateway, host, each awaited; for `down` the sandboxes are ended between serve and the others.
package struct SupervisorState: Sendable, Equatable {
  package enum Phase: Sendable, Equatable {
    /// Not started so far.
    case idle
    case starting
    /// `isReady`: it has answered since it was started.
    case running(isReady: Bool)
    /// Died; started again when its timer fires.
    case waiting
    case stopping
    case ended
  }

  package enum StopKind: Sendable, Equatable {
    /// Sandboxes live on, for the next supervisor.
    case leaveSandboxes
    case endSandboxes
  }

  package enum Action: Sendable, Equatable {
    case spawn(ProcessRole)
    case terminate(ProcessRole)
    case kill(ProcessRole)
    /// Calls `retryDue` after that long.
    case retry(ProcessRole, after: Duration)
    /// Calls `killDue` after that long.
    case killTimer(ProcessRole, after: Duration)
    /// Calls `sandboxesEnded` when that is done.
    case endSandboxes
    /// All three answer for the first time.
    case announceReady
    case finish(ExitStatus)
  }

  private enum Stop: Sendable, Equatable {
    case no
    case stopping(StopKind, ExitStatus)
    case endingSandboxes(ExitStatus)
    case finished
  }

  /// Between the order to end and the kill.
  package static let grace = Duration.seconds(15)
  /// A process that ran this long starts its back-off anew.
  package static let steady = Duration.seconds(30)
  private static let longestWait = Duration.seconds(30)

  private var phases: [ProcessRole: Phase] = Dictionary(uniqueKeysWithValues: ProcessRole.allCases.map { ($0, .idle) })
  private var deaths: [ProcessRole: Int] = [:]
  private var stop = Stop.no
  private var isAnnounced = false

  package init() {}

  package subscript(role: ProcessRole) -> Phase { phases[role] ?? .idle }
  /// How often it died since it last ran steadily.
  package func deaths(of role: ProcessRole) -> Int { deaths[role] ?? 0 }
  package var isReady: Bool { ProcessRole.allCases.allSatisfy { phases[$0] == .running(isReady: true) } }
  package var isStopping: Bool { stop != .no }

  /// Starts `host` and `gateway`.
  package mutating func begin() -> [Action] { [start(.host), start(.gateway)] }

  /// Starts `host` alone, to end the sandboxes that an earlier supervisor left, and stops then.
  package mutating func beginClearing() -> [Action] {
    phases[.gateway] = .ended
    phases[.serve] = .ended
    isAnnounced = true
    return [start(.host)]
  }

  package mutating func spawned(_ role: ProcessRole) -> [Action] {
    guard phases[role] == .starting else { return [] }
    phases[role] = .running(isReady: false)
    return []
  }

  /// It could not be started at all.
  package mutating func spawnFailed(_ role: ProcessRole) -> [Action] {
    guard phases[role] == .starting else { return [] }
    if stop != .no {
      phases[role] = .ended
      return proceed()
    }
    return stop(.leaveSandboxes, as: .failed, without: role)
  }

  package mutating func answered(_ role: ProcessRole) -> [Action] {
    guard case .running = phases[role] else { return [] }
    phases[role] = .running(isReady: true)
    guard stop == .no else { return [] }
    if phases[.serve] == .idle, phases[.host] == .running(isReady: true), phases[.gateway] == .running(isReady: true) {
      return [start(.serve)]
    }
    guard isReady, !isAnnounced else { return [] }
    isAnnounced = true
    return [.announceReady]
  }

  /// `lived`: since it was started.
  package mutating func exited(_ role: ProcessRole, _ exit: ChildExit, lived: Duration) -> [Action] {
    switch phases[role] {
    case .stopping:
      phases[role] = .ended
      return proceed()
    case .running, .starting:
      guard stop == .no else {
        // Died by itself while others are being stopped.
        phases[role] = .ended
        return proceed()
      }
      if exit == .code(ExitStatus.usage.rawValue) { return stop(.leaveSandboxes, as: .usage, without: role) }
      let count = lived >= Self.steady ? 1 : deaths(of: role) + 1
      deaths[role] = count
      phases[role] = .waiting
      return [.retry(role, after: Self.wait(deaths: count))]
    case .idle, .waiting, .ended, nil: return []
    }
  }

  package mutating func retryDue(_ role: ProcessRole) -> [Action] {
    guard stop == .no, phases[role] == .waiting else { return [] }
    return [start(role)]
  }

  package mutating func killDue(_ role: ProcessRole) -> [Action] {
    phases[role] == .stopping ? [.kill(role)] : []
  }

  /// Asked to stop. A second request changes nothing but may turn a plain stop, as long as no process but serve is stopped, into
  /// one that ends the sandboxes.
  package mutating func stopRequested(_ kind: StopKind) -> [Action] {
    switch stop {
    case .no: return stop(kind, as: .success)
    case .stopping(.leaveSandboxes, let status) where kind == .endSandboxes && isRunning(.host):
      stop = .stopping(.endSandboxes, status)
      return []
    case .stopping, .endingSandboxes, .finished: return []
    }
  }

  /// `succeeded`: whether every sandbox was ended.
  package mutating func sandboxesEnded(succeeded: Bool) -> [Action] {
    guard case .endingSandboxes(let status) = stop else { return [] }
    stop = .stopping(.leaveSandboxes, succeeded ? status : .failed)
    return proceed()
  }

  // MARK: Steps

  private mutating func start(_ role: ProcessRole) -> Action {
    phases[role] = .starting
    return .spawn(role)
  }

  private mutating func stop(_ kind: StopKind, as status: ExitStatus, without role: ProcessRole? = nil) -> [Action] {
    if let role { phases[role] = .ended }
    for role in ProcessRole.allCases where phases[role] == .idle || phases[role] == .waiting { phases[role] = .ended }
    stop = .stopping(kind, status)
    return proceed()
  }

  /// The next step of stopping, if nothing is awaited.
  private mutating func proceed() -> [Action] {
    guard case .stopping(let kind, let status) = stop, !phases.values.contains(.stopping) else { return [] }
    if phases[.serve] == .ended, kind == .endSandboxes {
      stop = .endingSandboxes(status)
      return [.endSandboxes]
    }
    guard let next = ProcessRole.stopOrder.first(where: { phases[$0] != .ended }) else {
      stop = .finished
      return [.finish(status)]
    }
    phases[next] = .stopping
    return [.terminate(next), .killTimer(next, after: Self.grace)]
  }

  private func isRunning(_ role: ProcessRole) -> Bool { if case .running = phases[role] { true } else { false } }

  /// 0.25 s, doubled with each death, up to 30 s.
  private static func wait(deaths: Int) -> Duration { min(longestWait, .milliseconds(250 << min(deaths - 1, 10))) }
}
