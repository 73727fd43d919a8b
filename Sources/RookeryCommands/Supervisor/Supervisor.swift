import Foundation
import Glibc
import RookeryControl
import RookeryModel

/// Keeps host, gateway and serve running: the I/O around `SupervisorState`.
package actor Supervisor {
  private enum Event: Sendable {
    case exited(ProcessRole, ChildExit)
    case answered(ProcessRole, start: Int)
    case retryDue(ProcessRole)
    case killDue(ProcessRole)
    case stop(SupervisorState.StopKind)
    case sandboxesEnded([String])
  }

  private let settings: UpSettings
  private let note: @Sendable (String) -> Void
  private let onReady: @Sendable () async -> Void
  private var state = SupervisorState()
  private var children: [ProcessRole: (process: SpawnedProcess, since: ContinuousClock.Instant)] = [:]
  /// Counts the starts of each, so that an answer to an earlier one is not taken for the present one's.
  private var starts: [ProcessRole: Int] = [:]
  private var downWaiters: [CheckedContinuation<[String], Never>] = []
  private var downResult: [String]?
  private let events: AsyncStream<Event>
  private let post: AsyncStream<Event>.Continuation

  /// `note` gets a line for each thing that an operator wants to know; `onReady` is called when all three answer.
  package init(
    settings: UpSettings, note: @escaping @Sendable (String) -> Void, onReady: @escaping @Sendable () async -> Void = {}
  ) {
    self.settings = settings
    self.note = note
    self.onReady = onReady
    (events, post) = AsyncStream.makeStream()
  }

  /// Runs until asked to stop, or until nothing can be done. `clearing`: starts `host` only, ends the sandboxes, and stops.
  package func run(clearing: Bool = false) async -> ExitStatus {
    await withDiscardingTaskGroup(returning: ExitStatus.self) { group in
      var actions = clearing ? state.beginClearing() : state.begin()
      if clearing { actions += state.stopRequested(.endSandboxes) }
      var status = perform(actions, in: &group)
      if status == nil {
        for await event in events {
          status = perform(handle(event), in: &group)
          if status != nil { break }
        }
      }
      group.cancelAll()
      finishDown(downResult ?? [])
      return status ?? .failed
    }
  }

  /// Stops everything; sandboxes live on.
  package nonisolated func stop() { post.yield(.stop(.leaveSandboxes)) }

  /// Ends every sandbox, then everything. Returns when the sandboxes are ended, with what went wrong.
  package func down() async -> [String] {
    if let downResult { return downResult }
    return await withCheckedContinuation { continuation in
      downWaiters.append(continuation)
      post.yield(.stop(.endSandboxes))
    }
  }

  package func status() -> UpStatus {
    UpStatus(
      version: Program.version, pid: getpid(), isReady: state.isReady, address: settings.address,
      processes: ProcessRole.allCases.map { role in
        .init(
          role: role, pid: children[role]?.process.pid, isReady: state[role] == .running(isReady: true), deaths: state.deaths(of: role))
      })
  }

  // MARK: Events and actions

  private func handle(_ event: Event) -> [SupervisorState.Action] {
    switch event {
    case .exited(let role, let exit):
      let lived = children.removeValue(forKey: role).map { ContinuousClock.now - $0.since } ?? .zero
      record()
      let actions = state.exited(role, exit, lived: lived)
      if !state.isStopping { note("\(role.rawValue) ended (\(exit.text)); starting it again") }
      return actions
    case .answered(let role, let start): return starts[role] == start ? state.answered(role) : []
    case .retryDue(let role): return state.retryDue(role)
    case .killDue(let role):
      return state.killDue(role)
    case .stop(let kind): return state.stopRequested(kind)
    case .sandboxesEnded(let failures):
      finishDown(failures)
      return state.sandboxesEnded(succeeded: failures.isEmpty)
    }
  }

  /// Returns the exit status when the last action is to finish.
  private func perform(_ actions: [SupervisorState.Action], in group: inout DiscardingTaskGroup) -> ExitStatus? {
    var queue = actions
    while !queue.isEmpty {
      switch queue.removeFirst() {
      case .spawn(let role): queue = spawn(role, in: &group) + queue
      case .terminate(let role):
        note("stopping \(role.rawValue)")
        signal(role, SIGTERM)
      case .kill(let role):
        note("\(role.rawValue) does not stop; killing it")
        signal(role, SIGKILL)
      case .retry(let role, let delay): timer(.retryDue(role), after: delay, in: &group)
      case .killTimer(let role, let delay): timer(.killDue(role), after: delay, in: &group)
      case .endSandboxes:
        let socket = settings.layout.hostSocket
        group.addTask { [post] in post.yield(.sandboxesEnded(await SandboxClearance(hostSocket: socket).run())) }
      case .announceReady:
        group.addTask { [onReady] in await onReady() }
      case .finish(let status): return status
      }
    }
    return nil
  }

  private func spawn(_ role: ProcessRole, in group: inout DiscardingTaskGroup) -> [SupervisorState.Action] {
    let child: SpawnedProcess
    do { child = try SpawnedProcess(settings.specification(of: role)) } catch {
      note("\(role.rawValue) can't be started: \(error)")
      return state.spawnFailed(role)
    }
    children[role] = (child, .now)
    let start = (starts[role] ?? 0) + 1
    starts[role] = start
    record()
    group.addTask { [post] in
      // Nothing but us reaps our children, so waiting does not fail.
      post.yield(.exited(role, (try? await child.wait()) ?? .code(ExitStatus.failed.rawValue)))
    }
    group.addTask { await self.probe(role, start: start) }
    return state.spawned(role)
  }

  private func timer(_ event: Event, after delay: Duration, in group: inout DiscardingTaskGroup) {
    group.addTask { [post] in
      guard (try? await Task.sleep(for: delay)) != nil else { return }
      post.yield(event)
    }
  }

  private func signal(_ role: ProcessRole, _ number: Int32) {
    // Until its exit was handled it is at most a zombie: its number can't be another's.
    if let child = children[role] { kill(child.process.pid, number) }
  }

  /// Asks a fresh process until it answers or is gone.
  private func probe(_ role: ProcessRole, start: Int) async {
    let probe = ReadinessProbe(layout: settings.layout, users: settings.users)
    var delay = ReconnectDelay()
    while starts[role] == start, children[role] != nil {
      if await probe.answers(role) {
        post.yield(.answered(role, start: start))
        return
      }
      guard (try? await Task.sleep(for: min(delay.next(), .seconds(1)))) != nil else { return }
    }
  }

  private func finishDown(_ failures: [String]) {
    downResult = failures
    for waiter in downWaiters { waiter.resume(returning: failures) }
    downWaiters = []
  }

  /// Writes down which processes are ours, for a supervisor after us.
  private func record() {
    let known = Dictionary(
      uniqueKeysWithValues: children.compactMap { role, child in child.process.identity.map { (role.rawValue, $0) } })
    LeftoverProcesses(file: settings.layout.processes).record(known)
  }
}
