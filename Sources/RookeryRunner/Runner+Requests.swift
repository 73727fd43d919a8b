import Glibc

extension Runner {
  /// How many processes fit into one frame with room to spare.
  private static let entriesPerFrame = 4096

  /// Does what a client asks, and queues the answer.
  func perform(_ request: RunnerRequest, number: UInt32, for connection: ClientConnection) {
    do throws(RunnerFailure) {
      switch request {
      case .hello(let version): greet(connection, version: version, number: number)
      case .start(let launch):
        try start(launch)
        connection.send(.done, number: number)
      case .attach(let process, let from, let window):
        try attach(connection, number: number, process: process, from: from, window: window)
      case .detach(let attachment): detach(connection, attachment)
      case .acknowledge(let process, let offsets):
        try acknowledge(process, offsets)
        connection.send(.done, number: number)
      case .write(let process, let offset, let bytes):
        guard let reached = try write(process, offset, bytes) else {
          try park(connection, number: number, process: process)
          return
        }
        connection.send(.written(upTo: reached), number: number)
      case .closeInput(let process):
        try closeInput(process)
        connection.send(.done, number: number)
      case .signal(let process, let signal):
        try self.signal(process, signal)
        connection.send(.done, number: number)
      case .list: list(connection, number: number)
      }
    } catch {
      connection.send(.failed(error), number: number)
    }
  }

  private func greet(_ connection: ClientConnection, version: UInt16, number: UInt32) {
    guard version == RunnerProtocol.version else {
      connection.send(.failed(.version(RunnerProtocol.version)), number: number)
      connection.isEnding = true
      return
    }
    connection.isGreeted = true
    connection.send(.hello(version: RunnerProtocol.version, sandbox: sandbox), number: number)
    if budget.isFull { connection.send(journalNotice, number: 0) }
  }

  private func known(_ process: String) throws(RunnerFailure) -> SupervisedProcess {
    guard let process = processes[process] else { throw .unknownProcess }
    return process
  }

  /// Follows a process that was started, or will be.
  private func attach(
    _ connection: ClientConnection, number: UInt32, process: String, from: OutputOffsets, window: UInt64
  ) throws(RunnerFailure) {
    guard connection.attachments.count < ClientConnection.largestAttachments else { throw .limit }
    guard !connection.attachments.contains(where: { $0.number == number }) else { throw .badRequest }
    if let process = processes[process] {
      for stream in OutputStream.allCases {
        guard from[stream] <= process.journal(stream).ledger.end else { throw .beyondEnd }
        guard process.journal(stream).ledger.holds(from[stream]) else { throw .forgotten }
      }
    } else if from != OutputOffsets() {
      throw .unknownProcess
    }
    connection.attachments.append(.init(number: number, process: process, window: OutputWindow(from: from, window: window)))
  }

  private func detach(_ connection: ClientConnection, _ attachment: UInt32) {
    guard let index = connection.attachments.firstIndex(where: { $0.number == attachment }) else { return }
    release(connection.attachments.remove(at: index).process)
  }

  private func acknowledge(_ id: String, _ offsets: OutputOffsets) throws(RunnerFailure) {
    let process = try known(id)
    for stream in OutputStream.allCases { process.journal(stream).acknowledge(offsets[stream]) }
    process.free(all: budget.isFull, budget: &budget)
    release(id)
  }

  /// How far stdin is accepted; nil when the client has to wait for room.
  private func write(_ id: String, _ offset: UInt64, _ bytes: [UInt8]) throws(RunnerFailure) -> UInt64? {
    let process = try known(id)
    // What was accepted before is skipped, whatever became of the process: a repetition is harmless.
    let accepted = process.input.accepted
    let isRepetition = offset <= accepted && UInt64(bytes.count) <= accepted - offset
    guard isRepetition || !process.hasEnded && !process.watch.isReaped else { throw .exited }
    switch process.input.offer(bytes, at: offset) {
    case .accepted(let reached):
      writeInput(of: process)
      return reached
    case .full: return nil
    case .gap(let accepted): throw .inputGap(accepted: accepted)
    case .closed: throw .inputClosed
    }
  }

  private func park(_ connection: ClientConnection, number: UInt32, process: String) throws(RunnerFailure) {
    guard parked.count < Self.largestParkedWrites else { throw .limit }
    parked.append(ParkedWrite(connection: connection.token, number: number, process: process))
  }

  private func closeInput(_ id: String) throws(RunnerFailure) {
    let process = try known(id)
    process.input.close()
    writeInput(of: process)
  }

  private func signal(_ id: String, _ number: Int32) throws(RunnerFailure) {
    guard (1...64).contains(number) else { throw .badRequest }
    try known(id).tree?.signal(number)
  }

  private func list(_ connection: ClientConnection, number: UInt32) {
    let entries = processes.values.map { RunnerReply.ProcessEntry(process: $0.id, exit: $0.exit) }.sorted { $0.process < $1.process }
    var start = 0
    repeat {
      let end = min(start + Self.entriesPerFrame, entries.count)
      connection.send(.processes(Array(entries[start..<end]), more: end < entries.count), number: number)
      start = end
    } while start < entries.count
  }
}
