import Foundation
import RookeryCommands
import RookeryModel
import RookeryTestSupport

/// Some sessions at work, some faults meanwhile, and what is left when it is quiet again.
struct FaultRound: Sendable {
  struct Step: Sendable {
    var fault: Fault
    /// The step of a turn to wait for; nil: any moment.
    var phase: TurnPhase?
    /// Milliseconds from there.
    var delay: Int
    var freeze: Duration
  }

  var clients: [ClientPlan]
  var steps: [Step]
  /// How long a slow reader stands still.
  var stall: Duration

  init(
    number: Int, clients count: Int, faults: Int, target: TurnPhase, seed: UInt64
  ) {
    var generator = SeededGenerator(seed: seed)
    clients = (0..<count).map {
      ClientPlan(name: "r\(number)-c\($0)", prompts: Int.random(in: 2...3, using: &generator), stops: true, using: &generator)
    }
    steps = (0..<faults).map { index in
      // Three of four are kills, and every other kill waits for a step.
      let kills = Int.random(in: 0..<4, using: &generator) > 0
      let fault = (kills ? Fault.kills : Fault.others).randomElement(using: &generator) ?? .killServe
      let phase: TurnPhase? = index.isMultiple(of: 2) ? target : TurnPhase.allCases.randomElement(using: &generator)
      let isShort = phase == .finish || phase == .pullRequest
      return Step(
        fault: index == 0 ? .killServe : fault, phase: kills ? phase : nil,
        delay: kills ? (isShort ? 0 : Int.random(in: 0...25, using: &generator)) : Int.random(in: 0...1500, using: &generator),
        freeze: .milliseconds(Int.random(in: 100...3000, using: &generator)))
    }
    stall = .seconds(Int.random(in: 0...2, using: &generator))
  }

  /// What was done, when.
  struct Done: Sendable {
    var fault: Fault
    var time: Date
  }

  func run(_ system: FaultSystem) async throws -> (history: History, done: [Done]) {
    let recorder = HistoryRecorder()
    let done = try await withThrowingTaskGroup(of: Void.self, returning: [Done].self) { readers in
      let (sessions, opened) = AsyncStream<(ClientPlan, SessionID)>.makeStream()
      readers.addTask { await read(sessions, system, recorder) }
      async let injected = inject(system, recorder)
      try await withThrowingTaskGroup(of: Void.self) { group in
        for plan in clients {
          group.addTask { try await Client(system: system, recorder: recorder, plan: plan).run { opened.yield((plan, $0)) } }
        }
        try await group.waitForAll()
      }
      let done = try await injected
      try await system.untilHealthy()
      await quiet(system, recorder)
      opened.finish()
      readers.cancelAll()
      return done
    }
    return (try await history(system, recorder), done)
  }

  private func read(_ sessions: AsyncStream<(ClientPlan, SessionID)>, _ system: FaultSystem, _ recorder: HistoryRecorder) async {
    await withTaskGroup(of: Void.self) { group in
      for await (plan, session) in sessions {
        for (number, cursor) in plan.cursors.enumerated() {
          let reader = StreamReader(
            system: system, recorder: recorder, name: "\(plan.name) reader \(number)", session: session, after: cursor)
          group.addTask { await reader.run() }
        }
        let slow = TrickleReader(system: system, recorder: recorder, name: "\(plan.name) trickle", session: session, stall: stall)
        group.addTask { try? await slow.run() }
      }
      group.cancelAll()
    }
  }

  private func inject(_ system: FaultSystem, _ recorder: HistoryRecorder) async throws -> [Done] {
    let injector = FaultInjector(system: system, recorder: recorder)
    var done: [Done] = []
    for step in steps {
      var session: SessionID?
      if let phase = step.phase { session = await recorder.wait(for: phase, until: .now + .seconds(8)) }
      if step.delay > 0 { try await Task.sleep(for: .milliseconds(step.delay)) }
      if session == nil { session = await recorder.session(in: nil) }
      let time = Date()
      if try await injector.inject(step.fault, session: session, freeze: step.freeze) { done.append(Done(fault: step.fault, time: time)) }
    }
    return done
  }

  /// Waits until every session is idle and every acknowledged prompt has ended, and readers have seen it. What is not so then is
  /// the checker's to name.
  private func quiet(_ system: FaultSystem, _ recorder: HistoryRecorder) async {
    let sessions = await recorder.sessions
    try? await eventually(timeout: .seconds(240), "the sessions are idle") {
      for session in sessions {
        guard let detail = try? await system.api.get("/v1/sessions/\(session)", as: API.SessionDetail.self),
          detail.session.state == .idle, !detail.prompts.contains(where: { [.queued, .running].contains($0.state) })
        else { return false }
      }
      return true
    }
    try? await eventually(timeout: .seconds(30), "ended sandboxes are gone") {
      var owned: Set<SandboxID> = []
      for session in sessions { if let sandbox = await recorder.sandbox(of: session) { owned.insert(sandbox) } }
      return try await system.claimedSandboxes().subtracting(owned).isEmpty
    }
  }

  private func history(_ system: FaultSystem, _ recorder: HistoryRecorder) async throws -> History {
    var history = History()
    history.attempts = await recorder.judged()
    history.streams = await recorder.streams
    for session in await recorder.sessions {
      let log = try await Self.log(system, session)
      let detail = try await system.api.get("/v1/sessions/\(session)", as: API.SessionDetail.self)
      let head = try await system.git.refs(of: FaultSystem.repository)["refs/heads/\(detail.session.branch)"]
      history.finals.append(
        .init(
          session: session, log: log, state: detail.session.state, prompts: detail.prompts, sandbox: log.sandbox, head: head))
    }
    history.sandboxes = try await system.claimedSandboxes()
    return history
  }

  private static func log(_ system: FaultSystem, _ session: SessionID) async throws -> [Event] {
    var log: [Event] = []
    while true {
      let path = "/v1/sessions/\(session)/events?after=\(log.last?.seq ?? 0)&limit=500"
      let page = try await system.api.get(path, as: API.Events.self)
      if page.events.isEmpty { return log }
      log += page.events
    }
  }
}
