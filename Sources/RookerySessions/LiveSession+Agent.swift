import Foundation
import Logging
import RookeryAgents
import RookeryModel
import RookerySandbox
import RookeryStore

extension LiveSession {
  /// What one turn may add to the log as agent output, in bytes. Beyond it output is read and dropped, and an event says so.
  private static let maximumOutput = 8 << 20
  /// Token deltas are gathered this long before they are committed together.
  private static let gathering = Duration.milliseconds(20)
  /// How far the runner may send ahead of what is stored: more than the longest line.
  private static let window = 40 << 20

  // MARK: Reading

  /// Takes up an agent process where the file says it is known to: after a start of it, or after a restart of ours.
  func connect(to process: ProcessID, in sandbox: any Sandbox) throws {
    guard let stored = try store.read({ try $0.process(process, in: sandbox.id) }) else {
      throw RookeryError(.internal, "The agent's process is unknown.", mend: "Send the prompt again.", context: "\(process)")
    }
    link?.pump?.cancel()
    var next = AgentLink(
      sandbox: sandbox, process: process,
      interpreter: OutputInterpreter(state: try JSON.decode(OutputInterpreter.State.self, from: stored.state), offsets: stored.output),
      input: stored.input)
    next.outgoing = try store.read { try $0.outbox(of: process, in: sandbox.id) }
    next.written = next.outgoing.first?.offset ?? stored.input
    next.closesInput = !next.interpreter.canCancel
    next.pump = Task { await self.pump(process, in: sandbox, from: stored.output) }
    link = next
    Task { await self.writeInput() }
  }

  /// Reads the process's output to its end; a broken connection is made again as long as the sandbox lives.
  private func pump(_ process: ProcessID, in sandbox: any Sandbox, from offsets: StreamOffsets) async {
    do {
      for try await event in sandbox.output(of: process, from: offsets, window: Self.window) {
        guard link?.process == process, !Task.isCancelled else { return }
        receive(event)
      }
      // The stream ends after the exit; without one the connection was closed under us.
      if link?.process == process, link?.inbox.isEmpty == true, link?.draining == false { await reconnect(process, in: sandbox) }
    } catch {
      guard !closing, !Task.isCancelled, link?.process == process else { return }
      logger.notice("lost an agent's output", metadata: ["error": "\(error)"])
      await reconnect(process, in: sandbox)
    }
  }

  private func reconnect(_ process: ProcessID, in old: any Sandbox) async {
    await old.detach()
    while !closing, !Task.isCancelled, link?.process == process {
      do {
        try await Task.sleep(for: .milliseconds(200))
        guard let again = try await services.provider.attach(old.id) else { return await sandboxLost() }
        guard link?.process == process else { return await again.detach() }
        sandbox = again
        return try connect(to: process, in: again)
      } catch {
        logger.notice("could not reach the sandbox again", metadata: ["error": "\(error)"])
      }
    }
  }

  /// The sandbox ended under its agent.
  private func sandboxLost() async {
    link?.pump?.cancel()
    link = nil
    sandbox = nil
    turn?.agentEnded(
      stopReason: "sandbox lost", succeeded: false,
      error: RookeryError(
        .sandboxLost, "The sandbox ended while the agent worked.", mend: "What it had written is kept: send a prompt to go on from there."))
    do {
      try await salvage(reason: "It ended while the agent worked.")
    } catch {
      logger.error("could not salvage a sandbox", metadata: ["error": "\(error)"])
    }
    wakeWork()
  }

  private func receive(_ event: ProcessEvent) {
    link?.inbox.append(event)
    if case .output(_, _, let bytes) = event { link?.inboxBytes += bytes.count }
    guard link?.draining == false else { return }
    link?.draining = true
    Task { await self.drain() }
  }

  /// Commits what was received, in batches: at once when nothing was committed lately, else gathered for a moment.
  private func drain() async {
    while let current = link, !current.inbox.isEmpty, !closing {
      let clock = ContinuousClock()
      // An end is told at once: nothing comes after it that it could be gathered with.
      if let last = current.lastCommit, clock.now - last < Self.gathering, current.inboxBytes < 64 << 10, !current.hasExited {
        try? await Task.sleep(until: last + Self.gathering, clock: clock)
      }
      guard let batch = link?.inbox, !batch.isEmpty, let process = link?.process else { break }
      link?.inbox = []
      link?.inboxBytes = 0
      link?.lastCommit = clock.now
      guard let meaning = link?.interpreter.consume(batch), let offsets = link?.interpreter.offsets else { break }
      do {
        try apply(meaning)
      } catch {
        return restartReading(process, after: error)
      }
      await acknowledge(process, offsets, in: current.sandbox)
    }
    link?.draining = false
  }

  /// Nothing of the batch is stored (a full disk, most likely), so it is read again from the runner's journal later.
  private func restartReading(_ process: ProcessID, after error: any Error) {
    logger.warning("could not store an agent's output", metadata: ["error": "\(error)"])
    guard let sandbox = link?.sandbox else { return }
    link?.pump?.cancel()
    link?.inbox = []
    Task {
      try? await Task.sleep(for: .seconds(1))
      await self.reconnect(process, in: sandbox)
    }
  }

  private func acknowledge(_ process: ProcessID, _ offsets: StreamOffsets, in sandbox: any Sandbox) async {
    do {
      try await sandbox.acknowledge(process, offsets)
    } catch {
      // The pump meets the same broken connection and mends it; the next acknowledgement covers this one.
      logger.debug("could not acknowledge output", metadata: ["error": "\(error)"])
    }
  }

  // MARK: Committing

  /// Commits what output (or an act of ours) meant: events, parser state, offsets and outbox in one transaction; then acts on it.
  func apply(_ meaning: Interpretation) throws {
    guard var link else { return }
    var entries: [OutboxEntry] = []
    for bytes in meaning.input {
      entries.append(OutboxEntry(offset: link.input, bytes: bytes))
      link.input += UInt64(bytes.count)
    }
    if let session = meaning.agentSession { meta.agentSession = session }
    let over = meaning.exit != nil || link.interpreter.hasFailed
    if over { meta.agentProcess = nil }
    if let ending = meaning.ending, turn?.phase == .work {
      turn?.agentEnded(stopReason: ending.stopReason, succeeded: ending.succeeded, error: ending.error)
    }
    let events = bounded(meaning.events)
    let stored = StoredProcess(output: link.interpreter.offsets, input: link.input, state: try JSON.encode(link.interpreter.state))
    try commit(events) { transaction in
      try transaction.setProcess(link.process, in: link.sandbox.id, stored)
      for entry in entries { try transaction.addToOutbox(entry, of: link.process, in: link.sandbox.id) }
      try transaction.trimOutbox(of: link.process, in: link.sandbox.id, written: link.written)
      return []
    }
    link.outgoing += entries
    self.link = over ? nil : link
    if over { link.pump?.cancel() }
    if over, meaning.exit == nil {
      // A conversation that failed can't go on; the next prompt starts the agent anew.
      Task { try? await link.sandbox.signal(link.process, .kill) }
    }
    if !entries.isEmpty { Task { await self.writeInput() } }
    wakeWork()
  }

  /// Drops output beyond what a turn may log, with one event that says so.
  private func bounded(_ events: [EventPayload]) -> [EventPayload] {
    guard var current = turn else { return events }
    let before = current.outputBytes
    var kept: [EventPayload] = []
    for event in events {
      guard let size = event.outputSize else {
        kept.append(event)
        continue
      }
      if current.outputBytes <= Self.maximumOutput { kept.append(event) }
      current.outputBytes += size
    }
    turn = current
    if before <= Self.maximumOutput, current.outputBytes > Self.maximumOutput {
      kept.append(
        .limitHit(.init(limit: .output, detail: "More than \(Self.maximumOutput >> 20) MiB in one turn: the rest is not logged.")))
    }
    return kept
  }

  // MARK: Writing

  /// Writes committed bytes to the process's stdin, in order, at their offsets.
  private func writeInput() async {
    guard link?.writing == false else { return }
    link?.writing = true
    while let current = link, !closing, !current.outgoing.isEmpty || current.closesInput {
      do {
        guard let entry = current.outgoing.first else {
          link?.closesInput = false
          try await current.sandbox.closeInput(of: current.process)
          break
        }
        let reached = try await current.sandbox.write(entry.bytes, to: current.process, at: entry.offset)
        guard link?.process == current.process else { return }
        link?.written = reached
        link?.outgoing.removeFirst()
      } catch {
        // The pump mends the connection or sees the exit; `connect` takes the outbox up again.
        logger.debug("could not write to an agent", metadata: ["error": "\(error)"])
        break
      }
    }
    link?.writing = false
  }

  func wakeWork() {
    workWaiter?.resume()
    workWaiter = nil
  }
}

extension EventPayload {
  /// Bytes of what an agent said, where the amount is the agent's choice.
  fileprivate var outputSize: Int? {
    switch self {
    case .agentOutput(let chunk): chunk.text.utf8.count
    case .agentMessage(let chunk), .agentThought(let chunk): chunk.text.utf8.count
    default: nil
    }
  }
}
