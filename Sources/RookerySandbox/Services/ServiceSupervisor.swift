import Foundation
import RookeryConfiguration
import RookeryModel

/// Starts a repository's own services in one sandbox and watches them: the same in image builds, in warm sandboxes and in
/// sessions. Starting is safe to repeat: another supervisor of the same sandbox finds the services running.
///
/// Use: `run` in a task, `settled` to wait until each is ready or failed, `stop` to end them before a sandbox's files are kept.
package actor ServiceSupervisor {
  package nonisolated let sandbox: any Sandbox
  private let scripts: [ServiceScripts]
  private let report: @Sendable (ServiceChanged) async -> Void
  private var states: [ServiceState]
  private var reports: [String: ServiceChanged] = [:]
  private var waiters: [CheckedContinuation<Void, Never>] = []
  private var isOver = false

  /// How long a broken connection to the sandbox is made again.
  private static let attempts = 20

  /// - Parameters:
  ///   - environment: the repository's variables.
  ///   - known: what was reported before of services of this sandbox.
  ///   - report: called in order for each change, except what is `known`.
  package init(
    _ services: [EnvironmentFile.Service], in sandbox: any Sandbox, directory: String, environment: [String: String],
    known: [ServiceChanged] = [], report: @escaping @Sendable (ServiceChanged) async -> Void = { _ in }
  ) {
    self.sandbox = sandbox
    self.report = report
    scripts = services.enumerated().map { index, service in
      ServiceScripts(service: service, index: index, directory: directory, environment: environment)
    }
    reports = Dictionary(known.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
    states = services.map { service in ServiceState(name: service.name, known: known.last { $0.name == service.name }?.state) }
  }

  /// What became of each service, so far as it is known.
  package var results: [ServiceChanged] { scripts.compactMap { reports[$0.service.name] } }

  /// Starts and watches all of them until the task is cancelled, they have all ended, or the sandbox is gone. They live on.
  package func run() async {
    await withDiscardingTaskGroup { group in
      for index in scripts.indices { group.addTask { await self.supervise(index) } }
    }
    isOver = true
    resumeWaiters()
  }

  /// Returns when nobody needs to wait for a service any longer: each is ready, failed or ended, or `run` is over. Throws
  /// `CancellationError` when the task is cancelled.
  package func settled() async throws {
    while !isOver, !states.allSatisfy(\.isSettled) {
      try Task.checkCancellation()
      await withTaskCancellationHandler {
        await withCheckedContinuation { waiters.append($0) }
      } onCancel: {
        // Everyone who waits looks again; only the cancelled one leaves.
        Task { await self.resumeWaiters() }
      }
    }
  }

  /// Ends the services with everything that they started, and removes their logs.
  package func stop() async throws {
    for script in scripts {
      do {
        try await sandbox.signal(try script.start().id, .terminate)
        try await Task.sleep(for: .milliseconds(100))
        try await sandbox.signal(try script.start().id, .kill)
      } catch let error as RookeryError where error.code == .notFound || error.code == .conflict {
        // It was never started, or is gone.
      }
    }
    _ = try await sandbox.run(
      ProcessSpec(
        id: .random(prefix: "service-"), argv: ["/bin/rm", "-rf", ServiceScripts.logs],
        environment: BuildShell.environment(of: .root), directory: "/", account: .root), limit: 4096)
  }

  private func resumeWaiters() {
    let waiting = waiters
    waiters = []
    for waiter in waiting { waiter.resume() }
  }

  // MARK: One service

  private func supervise(_ index: Int) async {
    if states[index].phase == .failed || states[index].phase == .ended { return }
    let script = scripts[index]
    do {
      let process = try script.start()
      if states[index].phase == .starting {
        let prepared = try await sandbox.run(script.prepare(), limit: 4096)
        guard prepared.exit.succeeded else { return await act(states[index].broke("its log could not be made"), on: index) }
      }
      try await sandbox.start(process)
      await withDiscardingTaskGroup { group in
        group.addTask { await self.awaitReadiness(index) }
        group.addTask { await self.follow(index, process.id) }
      }
    } catch {
      if Task.isCancelled { return }
      await act(states[index].broke((error as? RookeryError)?.message ?? "it could not be started"), on: index)
    }
  }

  private func awaitReadiness(_ index: Int) async {
    guard states[index].phase == .starting else { return }
    let (script, sandbox) = (scripts[index], sandbox)
    let seconds = script.service.timeoutSeconds
    let probe = script.awaitReadiness()
    let late = RookeryError(.limitHit, "late")
    do {
      let result = try await withDeadline(.seconds(seconds), failure: late) { try await sandbox.run(probe, limit: 4096) }
      // Its own end comes with the signal that follows a failure.
      guard result.exit.succeeded else { return }
      await act(states[index].becameReady(), on: index)
    } catch {
      try? await sandbox.signal(probe.id, .kill)
      guard !Task.isCancelled, states[index].phase == .starting else { return }
      if error as? RookeryError == late {
        let line = await lastLine(index)
        await act(states[index].timedOut(after: seconds, line: line), on: index)
      } else {
        await act(states[index].broke("the sandbox does not answer"), on: index)
      }
    }
  }

  private func follow(_ index: Int, _ process: ProcessID) async {
    for attempt in 0..<Self.attempts {
      do {
        var text: [UInt8] = []
        // Nothing is acknowledged: it is one line, and another supervisor reads it from the start.
        for try await event in sandbox.output(of: process, from: StreamOffsets(), window: 64 << 10) {
          switch event {
          case .output(_, _, let bytes): text = (text + bytes).suffix(4096)
          case .exited(let exit): return await act(states[index].exited(exit, line: Self.line(text)), on: index)
          }
        }
      } catch {
        if Task.isCancelled { return }
      }
      if Task.isCancelled { return }
      try? await Task.sleep(for: .milliseconds(100 * (attempt + 1)))
    }
  }

  private func act(_ actions: [ServiceState.Action], on index: Int) async {
    for action in actions {
      switch action {
      case .report(let change):
        reports[change.name] = change
        await report(change)
      case .check:
        let result = try? await sandbox.run(scripts[index].checkOnce(), limit: 4096)
        await act(states[index].checked(isReady: result?.exit.succeeded ?? false), on: index)
      case .stop:
        if let process = try? scripts[index].start().id { try? await sandbox.signal(process, .kill) }
      }
    }
    resumeWaiters()
  }

  private func lastLine(_ index: Int) async -> String {
    guard let result = try? await sandbox.run(scripts[index].lastLine(), limit: 8192) else { return "" }
    return Self.line(result.stdout)
  }

  /// One bounded, printable line.
  static func line(_ bytes: [UInt8]) -> String {
    let text = String(decoding: bytes, as: UTF8.self)
    let last = text.split(whereSeparator: \.isNewline).last { !$0.allSatisfy(\.isWhitespace) } ?? ""
    return PlainText.line(last.prefix(300))
  }
}
