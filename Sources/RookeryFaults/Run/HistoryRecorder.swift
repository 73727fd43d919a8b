import Foundation
import RookeryModel

/// Writes down what clients and readers see while a run goes on.
actor HistoryRecorder {
  private(set) var attempts: [History.Attempt] = []
  private(set) var streams: [History.Stream] = []
  private(set) var sessions: [SessionID] = []
  /// Sessions to which something was done that may end their turns early.
  private var disturbed: Set<SessionID> = []
  private var trackers: [SessionID: (seq: Int64, tracker: PhaseTracker, sandbox: SandboxID?)] = [:]
  private var watchers: [UUID: AsyncStream<Void>.Continuation] = [:]

  // MARK: Clients

  func begin(client: String, requestId: String, text: String, output: String) -> Int {
    attempts.append(.init(client: client, requestId: requestId, text: text, output: output, mustComplete: true, receipts: []))
    return attempts.count - 1
  }

  func answered(_ attempt: Int, _ receipt: API.PromptReceipt) { attempts[attempt].receipts.append(receipt) }

  func opened(_ session: SessionID) { if !sessions.contains(session) { sessions.append(session) } }

  func disturb(_ session: SessionID) { disturbed.insert(session) }

  /// The attempts, with what is known of disturbances.
  func judged() -> [History.Attempt] {
    attempts.map { attempt in
      var attempt = attempt
      if let session = attempt.receipts.first?.session, disturbed.contains(session) { attempt.mustComplete = false }
      return attempt
    }
  }

  // MARK: Readers

  func connected(_ reader: String, _ session: SessionID, after: Int64) -> Int {
    streams.append(.init(reader: reader, session: session, after: after, events: []))
    return streams.count - 1
  }

  func received(_ event: Event, on stream: Int) {
    streams[stream].events.append(event)
    let session = streams[stream].session
    var known = trackers[session] ?? (0, PhaseTracker(), nil)
    guard event.seq == known.seq + 1 else { return }
    known.seq = event.seq
    known.tracker.take(event)
    if case .sandboxReady(let body) = event.payload { known.sandbox = body.sandbox }
    trackers[session] = known
    for watcher in watchers.values { watcher.yield() }
  }

  // MARK: The injector

  /// A session that is in this step as far as readers know; in any step when nil.
  func session(in phase: TurnPhase?) -> SessionID? {
    sessions.first { session in
      guard let current = trackers[session]?.tracker.phase else { return false }
      return phase == nil || current == phase
    }
  }

  /// The sandbox that the session had last.
  func sandbox(of session: SessionID) -> SandboxID? { trackers[session]?.sandbox }

  /// Waits until a session is in this step; nil when none was before `deadline`.
  func wait(for phase: TurnPhase, until deadline: ContinuousClock.Instant) async -> SessionID? {
    let id = UUID()
    let (changes, continuation) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
    watchers[id] = continuation
    let timer = Task {
      try? await Task.sleep(until: deadline, clock: .continuous)
      continuation.finish()
    }
    defer {
      timer.cancel()
      watchers[id] = nil
    }
    // It is in the step from now on, not since long: what is there already does not count.
    for await _ in changes { if let session = session(in: phase) { return session } }
    return nil
  }
}
