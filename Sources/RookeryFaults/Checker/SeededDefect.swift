import Foundation
import RookeryModel

/// A way in which an engine could be wrong, put into a history that is right. The checker must find each: it is how the checker
/// itself is tested, before every fault run too.
package enum SeededDefect: String, CaseIterable, Sendable {
  /// An event was sent before it was on disk, and a crash took it.
  case noOutputGate
  /// The same, and something else has its number now.
  case reusedNumber
  /// A repeated request became a second prompt.
  case noDeduplication
  /// A repeated request was answered with another receipt.
  case secondReceipt
  case lostAcknowledgement
  case alteredPrompt
  case promptFromNowhere
  case swappedPrompts
  case gapInLog
  case repeatedInStream
  case gapInStream
  case reorderedStream
  case wrongCursor
  case twoTerminalEvents
  case noTerminalEvent
  /// A turn that had begun was run again after a crash.
  case ranTwice
  /// The runner's output was stored again after a crash.
  case outputTwice
  case outputLost
  case outputReordered
  /// A turn that nothing disturbed failed.
  case failedByItself
  case pushLost
  case stuckSession
  case stuckPrompt
  case orphanSandbox
  case lostAlarm

  /// What the checker must say of it, at least.
  package var rule: Violation.Rule {
    switch self {
    case .noOutputGate, .reusedNumber: .streamIsDurable
    case .noDeduplication, .promptFromNowhere: .promptsAreSentOnce
    case .secondReceipt: .sameRequestSameReceipt
    case .lostAcknowledgement, .alteredPrompt: .acknowledgedIsLogged
    case .swappedPrompts: .acknowledgedInOrder
    case .gapInLog: .seqIsDense
    case .repeatedInStream, .gapInStream, .reorderedStream, .wrongCursor: .streamIsContiguous
    case .twoTerminalEvents, .noTerminalEvent: .oneTerminalEvent
    case .ranTwice: .oneStart
    case .outputTwice, .outputLost, .outputReordered: .outputIsExact
    case .failedByItself: .undisturbedCompletes
    case .pushLost: .pushedIsOnTheForge
    case .stuckSession, .stuckPrompt: .noStuckSession
    case .orphanSandbox: .noOrphanSandbox
    case .lostAlarm: .alarmsAreKept
    }
  }

  /// `history` with this defect at a place that `generator` chooses. `history` has at least two sessions with two prompts each.
  package func apply(to history: History, using generator: inout some RandomNumberGenerator) throws -> History {
    var changed = history
    let index = Int.random(in: changed.finals.indices, using: &generator)
    let session = changed.finals[index].session
    switch self {
    case .noOutputGate, .reusedNumber, .repeatedInStream, .gapInStream, .reorderedStream, .wrongCursor:
      let streams = changed.streams.indices.filter { changed.streams[$0].session == session }
      let stream = streams[Int.random(in: streams.indices, using: &generator)]
      alter(&changed.streams[stream], at: Int.random(in: 1..<changed.streams[stream].events.count - 1, using: &generator))
    case .secondReceipt, .swappedPrompts:
      alterReceipts(&changed, of: session)
    case .pushLost: changed.finals[index].head = "before"
    case .stuckSession: changed.finals[index].state = .running
    case .stuckPrompt: changed.finals[index].prompts[0].state = .queued
    case .orphanSandbox: changed.sandboxes.insert(try SandboxID("forgotten"))
    case .lostAlarm: changed.alarms[index].outcome = .gone
    default:
      try alter(&changed.finals[index].log, using: &generator)
      changed.sendAgain(session)
    }
    return changed
  }

  private func alter(_ stream: inout History.Stream, at place: Int) {
    switch self {
    case .noOutputGate:
      // A last event that the log ends before.
      guard var event = stream.events.last else { return }
      event.seq = Int64(1 << 20)
      stream.events.append(event)
    case .reusedNumber: stream.events[place].payload = .notice(.init(level: .info, text: "gone"))
    case .repeatedInStream: stream.events.insert(stream.events[place], at: place)
    case .gapInStream: stream.events.remove(at: place)
    case .reorderedStream: stream.events.swapAt(place, place - 1)
    case .wrongCursor: stream.events.removeFirst()
    default: break
    }
  }

  private func alterReceipts(_ history: inout History, of session: SessionID) {
    let own = history.attempts.indices.filter { history.attempts[$0].receipts.first?.session == session }
    if self == .secondReceipt {
      history.attempts[own[0]].receipts.append(history.attempts[own[1]].receipts[0])
    } else {
      history.attempts.swapAt(own[0], own[1])
    }
  }

  private func alter(_ log: inout [Event], using generator: inout some RandomNumberGenerator) throws {
    func places(_ kind: String) -> [Int] { log.indices.filter { log[$0].payload.kind == kind } }
    func any(_ kind: String) -> Int { places(kind).randomElement(using: &generator) ?? 0 }
    switch self {
    case .noDeduplication:
      guard case .promptQueued(var body) = log[any("prompt.queued")].payload else { return }
      body.prompt = try PromptID("again")
      log.append(Event(seq: 0, time: log[0].time, turn: nil, payload: .promptQueued(body)))
    case .promptFromNowhere:
      guard case .promptQueued(var body) = log[any("prompt.queued")].payload else { return }
      body.prompt = try PromptID("nobody")
      body.text = "nobody sent this"
      log.append(Event(seq: 0, time: log[0].time, turn: nil, payload: .promptQueued(body)))
    case .lostAcknowledgement: log.remove(at: any("prompt.queued"))
    case .alteredPrompt:
      let place = any("prompt.queued")
      guard case .promptQueued(var body) = log[place].payload else { return }
      body.text += "!"
      log[place].payload = .promptQueued(body)
    case .twoTerminalEvents: log.append(log[any("turn.finished")])
    case .noTerminalEvent: log.remove(at: any("turn.finished"))
    case .ranTwice:
      let place = any("turn.started")
      log.insert(log[place], at: place)
    case .outputTwice:
      let place = any("agent.output")
      log.insert(log[place], at: place)
    case .outputLost: log.remove(at: any("agent.output"))
    case .outputReordered:
      let lines = places("agent.output")
      guard let place = lines.filter({ log[$0 + 1].payload.kind == "agent.output" }).randomElement(using: &generator) else { return }
      log.swapAt(place, place + 1)
    case .failedByItself:
      let place = any("turn.finished")
      guard case .turnFinished(var body) = log[place].payload else { return }
      body.result = .failed
      log[place].payload = .turnFinished(body)
    case .gapInLog:
      log.remove(at: Int.random(in: 1..<log.count - 1, using: &generator))
      return
    default: break
    }
    for place in log.indices { log[place].seq = Int64(place) + 1 }
  }
}

extension History {
  /// What readers at the same cursors receive of the log as it is now.
  fileprivate mutating func sendAgain(_ session: SessionID) {
    guard let log = finals.first(where: { $0.session == session })?.log else { return }
    for place in streams.indices where streams[place].session == session {
      let stream = streams[place]
      streams[place].events = Array(log.filter { $0.seq > stream.after }.prefix(stream.events.count))
    }
  }
}
