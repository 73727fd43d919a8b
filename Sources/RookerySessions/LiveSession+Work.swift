import Foundation
import RookeryAgents
import RookeryConfiguration
import RookeryModel
import RookerySandbox
import RookeryStore

extension LiveSession {
  /// Has the agent work on the prompt, and returns when it ended, however that came about.
  func work() async throws {
    guard let current = turn, current.result == nil else { return }
    let definition = try services.agents.definition(of: meta.agent)
    guard let sandbox else { throw RookeryError(.sandboxLost, "The sandbox is gone.", mend: "Send the prompt again.") }
    guard let prompt = try store.read({ try $0.prompt(current.prompt) }) else {
      throw RookeryError(.internal, "The turn's prompt is missing.", context: "\(current.prompt)")
    }
    switch definition.wire {
    case .command: try await startCommand(prompt.text, definition, sandbox)
    case .acp:
      async let newest: Void = catchUp()
      try await promptAgent(prompt.text, definition, sandbox)
      try await newest
    }
    try await awaitOutcome(runtime: limits(asked: nil).runtimeSeconds)
  }

  /// The prompt is a shell script: one process a turn, which gets it through stdin.
  private func startCommand(_ text: String, _ definition: AgentDefinition, _ sandbox: any Sandbox) async throws {
    guard let current = turn else { return }
    let process = try ProcessID("turn-\(current.number)-work")
    let start = AgentStart(
      definition: definition, repository: meta.repository, environment: meta.environment, exposed: exposedSecrets)
    let specification = try start.process(process, model: services.configuration.model, arguments: Self.scriptFromInput)
    // It waits for its script, which is written only once it is stored.
    async let started: Void = sandbox.start(specification)
    if !current.prompted {
      let bytes = Array(text.utf8)
      turn?.prompted = true
      meta.agentProcess = process
      try commit([.agentStarted(.init(agent: definition.name, title: definition.title, version: nil, conversation: .new))]) { transaction in
        try transaction.setProcess(
          process, in: sandbox.id, StoredProcess(input: UInt64(bytes.count), state: try JSON.encode(OutputInterpreter.State.command)))
        try transaction.addToOutbox(OutboxEntry(offset: 0, bytes: bytes), of: process, in: sandbox.id)
        return []
      }
    }
    try await started
    try connect(to: process, in: sandbox)
  }

  /// The script is read whole before it runs, so that its own commands find an empty stdin.
  private static let scriptFromInput = ["-c", "script=$(cat); exec < /dev/null; eval \"$script\""]

  /// Gives the prompt to the agent, starting it when it does not run.
  private func promptAgent(_ text: String, _ definition: AgentDefinition, _ sandbox: any Sandbox) async throws {
    if link == nil, let process = meta.agentProcess, try store.read({ try $0.process(process, in: sandbox.id) }) != nil {
      // A restart of ours: the start may not have happened yet, and happens once.
      try await start(definition, as: process, in: sandbox)
      try connect(to: process, in: sandbox)
      try begin()
    }
    if link == nil {
      meta.agentProcesses += 1
      let process = try ProcessID("agent-\(meta.agentProcesses)")
      meta.agentProcess = process
      let client = ACPClient(agent: definition, directory: directory, resume: meta.agentSession, history: try history())
      try commit { transaction in
        try transaction.setProcess(
          process, in: sandbox.id, StoredProcess(state: try JSON.encode(OutputInterpreter.State.acp(client))))
        return []
      }
      try await start(definition, as: process, in: sandbox)
      try connect(to: process, in: sandbox)
      try begin()
    }
    guard turn?.prompted == false else { return }
    guard let meaning = link?.interpreter.prompt(text) else { return }
    turn?.prompted = true
    try apply(meaning)
  }

  /// Opens the conversation; does nothing when that was done before.
  private func begin() throws {
    if let meaning = link?.interpreter.begin(), !meaning.input.isEmpty { try apply(meaning) }
  }

  private func start(_ definition: AgentDefinition, as process: ProcessID, in sandbox: any Sandbox) async throws {
    let start = AgentStart(
      definition: definition, repository: meta.repository, environment: meta.environment, exposed: exposedSecrets)
    try await sandbox.start(start.process(process, model: services.configuration.model))
  }

  /// Waits until the agent's work has an outcome, the turn's time is over, or the session closes.
  private func awaitOutcome(runtime: Int) async throws {
    guard let current = turn else { return }
    let clock = Task { try await self.keepTime(turn: current.number, from: current.started, runtime: runtime) }
    let opening = Task {
      try await Task.sleep(for: .seconds(90))
      try await self.openingExceeded(turn: current.number)
    }
    defer {
      clock.cancel()
      opening.cancel()
    }
    while turn?.result == nil, link != nil, !closing {
      await withCheckedContinuation { workWaiter = $0 }
    }
    if closing { throw CancellationError() }
    if turn?.result == nil {
      throw RookeryError(.agentFailed, "The agent's process is gone.", mend: "Send the prompt again.")
    }
    await nameTheLimit()
    try commit()
  }

  /// Where the agent was killed, the host may be about to say which limit did it.
  private func nameTheLimit() async {
    guard turn?.result == .failed, let reason = turn?.stopReason, ["signal 9", "exit 137"].contains(reason) else { return }
    let deadline = ContinuousClock.now + .seconds(2)
    while lastLimit == nil, ContinuousClock.now < deadline { try? await Task.sleep(for: .milliseconds(50)) }
    if let lastLimit { turn?.blame(lastLimit) }
  }

  private func openingExceeded(turn number: Int) async throws {
    guard turn?.number == number, turn?.result == nil, let link, !link.interpreter.isOpen else { return }
    turn?.agentEnded(
      stopReason: "timeout", succeeded: false,
      error: RookeryError(
        .agentFailed, "The agent did not open a conversation within 90 s.", mend: "Its output above may say why; try again."))
    try commit()
    try await link.sandbox.signal(link.process, .kill)
    wakeWork()
  }

  /// A limit that the host reports for this session's sandbox.
  func hostReported(_ event: HostEvent) throws {
    guard meta.sandbox == event.sandbox, event.seq > meta.hostEvents else { return }
    meta.hostEvents = event.seq
    if case .limitHit(let limit, let detail) = event.kind {
      let hit = LimitHit(limit: limit, detail: detail)
      lastLimit = hit
      try commit([.limitHit(hit)])
    } else {
      try commit()
    }
  }

  /// Model usage that the gateway counted for this session's sandbox.
  func gatewayReported(_ entry: UsageEntry) throws {
    guard meta.sandbox == entry.sandbox, entry.seq > meta.usageEntries else { return }
    meta.usageEntries = entry.seq
    meta.spentTokens = (meta.spentTokens ?? 0) + entry.usage.inputTokens + entry.usage.outputTokens
    meta.spentCost = (meta.spentCost ?? 0) + (entry.usage.costMicroUSD ?? 0)
    try commit([.usage(entry.usage)])
  }
}
