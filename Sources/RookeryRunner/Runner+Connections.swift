import CSandbox

extension Runner {
  /// Reads what a client sent, answers it, and writes what waits for it.
  func serve(_ connection: ClientConnection, _ event: cs_poll_event) {
    if event.hung_up != 0 || event.readable != 0 && connection.readsRequests && !connection.receive(buffer) {
      drop(connection)
      return
    }
    answer(connection)
  }

  /// Answers the whole requests that were received, as long as the client takes the answers.
  private func answer(_ connection: ClientConnection) {
    do throws(FrameError) {
      while let (number, request) = try connection.nextRequest() {
        guard connection.isGreeted || request.isHello else {
          drop(connection)
          return
        }
        perform(request, number: number, for: connection)
      }
    } catch {
      drop(connection)
    }
  }

  /// Sends what can be sent, and decides what to wait for.
  func pump(_ connection: ClientConnection) {
    var rounds = 0
    var isIdle = false
    while rounds < 16, connection.queued == 0 || rounds == 0, !isIdle {
      rounds += 1
      connection.pull { next(for: connection, $0) }
      isIdle = connection.queued == 0
      connection.flush()
      answer(connection)
    }
    if connection.isBroken || connection.isEnding && connection.queued == 0 {
      drop(connection)
      return
    }
    if connection.queued == 0, !isIdle { hasMoreToSend = true }
    connection.watch(with: poller)
  }

  func drop(_ connection: ClientConnection) {
    guard connections.removeValue(forKey: connection.token) != nil else { return }
    connection.close()
    parked.removeAll { $0.connection == connection.token }
    for attachment in connection.attachments { release(attachment.process) }
  }

  /// Tells clients when processes begin to wait for room in the journal, and when they go on.
  func announceJournal() {
    guard budget.isFull != announcedFull else { return }
    announcedFull = budget.isFull
    for connection in connections.values where connection.isGreeted && connection.readsRequests {
      connection.send(journalNotice, number: 0)
    }
  }

  var journalNotice: RunnerReply { .journal(full: budget.isFull, used: budget.used, limit: budget.limit) }

  /// Queues the next chunk of what a client follows.
  private func next(
    for connection: ClientConnection, _ attachment: ClientConnection.Attachment
  ) -> (ClientConnection.Service, ClientConnection.Attachment) {
    guard let process = processes[attachment.process] else { return (.idle, attachment) }
    var attachment = attachment
    let window = attachment.window
    let allowance = window.allowance(acknowledged: process.acknowledged)
    var isComplete = process.hasEnded
    for stream in [attachment.preferred, attachment.preferred.other] {
      let journal = process.journal(stream)
      let sent = window.sent[stream]
      guard journal.ledger.holds(sent) else { return fail(.forgotten, attachment, connection) }
      guard sent < journal.ledger.end else { continue }
      isComplete = false
      let count = min(allowance, journal.ledger.end - sent, UInt64(RunnerProtocol.largestOutput))
      guard count > 0 else { continue }
      do throws(SystemFailure) {
        let sentNow = try connection.sendOutput(attachment.number, stream, offset: sent, count: Int(count)) {
          buffer throws(SystemFailure) in try journal.read(at: sent, into: buffer)
        }
        attachment.window.advance(stream, by: UInt64(sentNow))
      } catch {
        return fail(.system(error: error.error), attachment, connection)
      }
      attachment.preferred = stream.other
      return (.sent, attachment)
    }
    guard isComplete, let exit = process.exit else { return (.idle, attachment) }
    connection.send(.exited(exit), number: attachment.number)
    process.closeJournals()
    return (.finished, attachment)
  }

  private func fail(
    _ failure: RunnerFailure, _ attachment: ClientConnection.Attachment, _ connection: ClientConnection
  ) -> (ClientConnection.Service, ClientConnection.Attachment) {
    connection.send(.failed(failure), number: attachment.number)
    release(attachment.process)
    return (.finished, attachment)
  }

  /// Gives back descriptors that only readers of an ended process need.
  func release(_ id: String) {
    if let process = processes[id], process.hasEnded { process.closeJournals() }
  }
}

extension OutputStream {
  var other: OutputStream { self == .stdout ? .stderr : .stdout }
}

extension RunnerRequest {
  var isHello: Bool { if case .hello = self { true } else { false } }
}
