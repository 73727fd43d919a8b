import RookeryModel

/// Judges a history. A pure value: what it needs is in the history, and the same history is judged the same way.
package struct HistoryChecker: Sendable {
  private let history: History
  private let finals: [SessionID: History.Final]
  private var violations: [Violation] = []

  /// Everything that the history breaks; empty when it keeps every promise.
  package static func violations(of history: History) -> [Violation] {
    var checker = HistoryChecker(history)
    checker.checkAttempts()
    for final in history.finals { checker.check(final) }
    for stream in history.streams { checker.check(stream) }
    checker.checkSandboxes()
    checker.checkAlarms()
    return checker.violations
  }

  private init(_ history: History) {
    self.history = history
    finals = Dictionary(history.finals.map { ($0.session, $0) }) { first, _ in first }
  }

  private mutating func report(_ rule: Violation.Rule, _ detail: String) { violations.append(Violation(rule: rule, detail: detail)) }

  // MARK: What clients were told

  private mutating func checkAttempts() {
    var newest: [String: Int64] = [:]
    for attempt in history.attempts {
      guard let receipt = attempt.receipts.first else { continue }
      if let other = attempt.receipts.first(where: { $0 != receipt }) {
        report(.sameRequestSameReceipt, "request \(attempt.requestId) got \(receipt) and \(other)")
      }
      let line = "\(attempt.client) in \(receipt.session)"
      if let earlier = newest[line], earlier >= receipt.seq {
        report(.acknowledgedInOrder, "\(line): seq \(receipt.seq) after \(earlier)")
      }
      newest[line] = receipt.seq
      guard let final = finals[receipt.session] else {
        report(.acknowledgedIsLogged, "session \(receipt.session) is gone")
        continue
      }
      let event = final.log.first { $0.seq == receipt.seq }
      guard case .promptQueued(let body)? = event?.payload, body.prompt == receipt.prompt, body.text == attempt.text else {
        report(.acknowledgedIsLogged, "prompt \(receipt.prompt) of \(receipt.session) is not event \(receipt.seq)")
        continue
      }
      check(attempt, receipt, in: final)
    }
  }

  /// What became of an acknowledged prompt.
  private mutating func check(_ attempt: History.Attempt, _ receipt: API.PromptReceipt, in final: History.Final) {
    let place = "prompt \(receipt.prompt) of \(receipt.session)"
    guard case .turnFinished(let end)? = final.log.ends(of: receipt.prompt).first?.payload,
      let turn = final.log.starts(of: receipt.prompt).first?.turn
    else {
      if attempt.mustComplete { report(.undisturbedCompletes, "\(place) did not run") }
      return
    }
    if attempt.mustComplete, end.result != .completed {
      report(.undisturbedCompletes, "\(place) \(end.result.rawValue): \(end.error?.message ?? end.stopReason ?? "")")
    }
    let printed = final.log.printed(turn: turn)
    let isExact = end.result == .completed ? printed == attempt.output : attempt.output.hasPrefix(printed)
    if !isExact { report(.outputIsExact, "\(place): \(Self.difference(printed, attempt.output))") }
  }

  private static func difference(_ printed: String, _ expected: String) -> String {
    let (ours, theirs) = (printed.split(separator: "\n"), expected.split(separator: "\n"))
    let line = zip(ours, theirs).enumerated().first { $0.element.0 != $0.element.1 }?.offset ?? min(ours.count, theirs.count)
    return "\(ours.count) lines of \(theirs.count), other from line \(line + 1) on"
  }

  // MARK: The log

  private mutating func check(_ final: History.Final) {
    let (id, log) = (final.session, final.log)
    if let wrong = log.enumerated().first(where: { $0.element.seq != Int64($0.offset) + 1 }) {
      report(.seqIsDense, "\(id): event \(wrong.offset + 1) has seq \(wrong.element.seq)")
    }
    let sent = Set(history.attempts.map(\.text))
    var seen: Set<String> = []
    for (_, body) in log.queued {
      if !sent.contains(body.text) { report(.promptsAreSentOnce, "\(id): nobody sent \(body.prompt)") }
      if !seen.insert(body.text).inserted { report(.promptsAreSentOnce, "\(id): \(body.prompt) is there again") }
      let (starts, ends) = (log.starts(of: body.prompt), log.ends(of: body.prompt))
      if ends.count != 1 { report(.oneTerminalEvent, "\(id): \(body.prompt) has \(ends.count)") }
      if starts.count > 1 { report(.oneStart, "\(id): \(body.prompt) began \(starts.count) times") }
      if let start = starts.first, let end = ends.first, end.seq < start.seq {
        report(.oneTerminalEvent, "\(id): \(body.prompt) ended before it began")
      }
    }
    if final.state != .idle { report(.noStuckSession, "\(id) is \(final.state.rawValue)") }
    for prompt in final.prompts where [.queued, .running].contains(prompt.state) {
      report(.noStuckSession, "\(id): \(prompt.id) is \(prompt.state.rawValue)")
    }
    let pushed = log.compactMap { if case .branchPushed(let body) = $0.payload { body.commit } else { nil } }.last
    if let pushed, pushed != final.head {
      report(.pushedIsOnTheForge, "\(id): \(pushed) was pushed, the forge has \(final.head ?? "nothing")")
    }
  }

  // MARK: Streams

  private mutating func check(_ stream: History.Stream) {
    let place = "\(stream.reader) of \(stream.session) after \(stream.after)"
    for (offset, event) in stream.events.enumerated() where event.seq != stream.after + Int64(offset) + 1 {
      report(.streamIsContiguous, "\(place): event \(offset + 1) has seq \(event.seq)")
      break
    }
    guard let log = finals[stream.session]?.log else {
      return report(.streamIsDurable, "\(place): the session is gone")
    }
    let known = Dictionary(log.map { ($0.seq, $0) }) { first, _ in first }
    if let event = stream.events.first(where: { known[$0.seq] != $0 }) {
      report(.streamIsDurable, "\(place): \(event.payload.kind) \(event.seq) \(known[event.seq] == nil ? "is not in the log" : "differs")")
    }
  }

  // MARK: What is left

  private mutating func checkSandboxes() {
    let owned = Set(history.finals.compactMap(\.sandbox))
    for sandbox in history.sandboxes.subtracting(owned).sorted() { report(.noOrphanSandbox, sandbox.rawValue) }
  }

  private mutating func checkAlarms() {
    for alarm in history.alarms where alarm.outcome == .gone { report(.alarmsAreKept, "\(alarm.name) of \(alarm.session)") }
  }
}
