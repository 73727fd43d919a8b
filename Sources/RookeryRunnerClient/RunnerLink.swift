import RookeryModel
import RookeryRunner
import Synchronization

/// The socket to a runner and what waits for it. Calls come from any task, frames from the reactor's thread.
final class RunnerLink: Sendable {
  /// How long an answer may take, but for a write, which waits for the process to read.
  static let patience: Duration = .seconds(60)
  static let closed = RookeryError(.sandboxLost, "The connection to the sandbox was closed.")

  private let state = Mutex(LinkState())
  private let notices = Mutex<[Int: AsyncStream<JournalNotice>.Continuation]>([:])
  private let socket: LinkSocket

  /// Takes over a connected socket.
  init(descriptor: Int32) throws {
    socket = LinkSocket(descriptor: descriptor)
    try RunnerReactor.shared.get().add(self, descriptor: descriptor, token: socket.token)
  }

  static func violation(_ text: String) -> RookeryError {
    RookeryError(.sandboxLost, "The sandbox's runner does not keep to its protocol.", mend: "End this sandbox.", context: text)
  }

  /// Closes the connection for what the runner sent; returns the error to throw.
  func broken(_ text: String) -> RookeryError {
    let error = Self.violation(text)
    fail(error)
    return error
  }

  // MARK: Requests

  /// Sends a request and waits for its answer, at most `time` (nil: for ever), or until the task is cancelled.
  func request(_ request: RunnerRequest, within time: Duration? = RunnerLink.patience) async throws -> RunnerReply {
    let number = state.withLock { $0.nextNumber() }
    let deadline = time.map { ContinuousClock.now + $0 }
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { answer in
        do throws(RookeryError) {
          try state.withLock { state throws(RookeryError) in try state.add(answer, number: number, deadline: deadline) }
        } catch {
          answer.resume(throwing: error)
          return
        }
        if Task.isCancelled { perform(state.withLock { $0.cancel(number) }) } else { send(request, number: number) }
      }
    } onCancel: {
      perform(state.withLock { $0.cancel(number) })
    }
  }

  func done(_ request: RunnerRequest) async throws {
    guard case .done = try await self.request(request) else { throw broken("an answer of the wrong kind") }
  }

  // MARK: Output

  func follow(_ process: String, from offsets: OutputOffsets, window: Int) -> UInt64 {
    let (follower, actions) = state.withLock { $0.follow(OutputFollower(process: process, from: offsets, window: window)) }
    perform(actions)
    return follower
  }

  func unfollow(_ follower: UInt64) { perform(state.withLock { $0.unfollow(follower) }) }

  func nextEvent(_ follower: UInt64) async throws -> ProcessEvent? {
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { waiter in
        perform(state.withLock { $0.next(follower, waiter) })
        if Task.isCancelled { perform(state.withLock { $0.cancelNext(follower) }) }
      }
    } onCancel: {
      perform(state.withLock { $0.cancelNext(follower) })
    }
  }

  func journalNotices() -> AsyncStream<JournalNotice> {
    let (stream, continuation) = AsyncStream.makeStream(of: JournalNotice.self, bufferingPolicy: .bufferingNewest(1))
    let id = notices.withLock { notices in
      let id = (notices.keys.max() ?? 0) + 1
      notices[id] = continuation
      return id
    }
    continuation.onTermination = { [weak self] _ in _ = self?.notices.withLock { $0.removeValue(forKey: id) } }
    if state.withLock({ $0.failure }) != nil { continuation.finish() }
    return stream
  }

  // MARK: The socket

  /// The socket is ready. Called by the reactor, on its thread.
  func ready(readable: Bool, writable: Bool) {
    do throws(LinkFailure) {
      if writable { try socket.flush() }
      guard readable else { return }
      for frame in try socket.receive() {
        let actions = try state.withLock { state throws(LinkFailure) in
          do throws(LinkState.Violation) { return try state.receive(frame.reply, number: frame.number) } catch {
            throw .violation(error.text)
          }
        }
        perform(actions)
      }
    } catch {
      fail(error.error)
    }
  }

  /// Closes the connection when an answer is overdue. Called by the reactor now and then.
  func checkDeadlines() {
    guard state.withLock({ $0.isOverdue(at: .now) }) else { return }
    fail(RookeryError(.sandboxLost, "The sandbox did not answer in time.", context: "an answer of the runner is overdue"))
  }

  /// Ends the connection: everything that waits fails with `error`. Does nothing when it has ended before.
  func fail(_ error: RookeryError) {
    let actions = state.withLock { $0.fail(error) }
    socket.close()
    perform(actions)
    for continuation in notices.withLock({ Array($0.values) }) { continuation.finish() }
  }

  private func send(_ request: RunnerRequest, number: UInt32) {
    do throws(LinkFailure) { try socket.send(request.frame(number: number)) } catch { fail(error.error) }
  }

  private func perform(_ actions: [LinkState.Action]) {
    for action in actions {
      switch action {
      case .send(let request, let number): send(request, number: number)
      case .answer(let continuation, let result): continuation.resume(with: result)
      case .deliver(let continuation, let result): continuation.resume(with: result)
      case .notice(let notice):
        for continuation in notices.withLock({ Array($0.values) }) { continuation.yield(notice) }
      }
    }
  }
}

/// Why a connection broke.
enum LinkFailure: Error {
  case system(step: String, error: Int32)
  case endOfFile
  case violation(String)
  case crowded

  var error: RookeryError {
    switch self {
    case .system(let step, let error):
      RookeryError(.sandboxLost, "The connection to the sandbox broke.", context: "\(step): \(SystemError.text(error))")
    case .endOfFile: RookeryError(.sandboxLost, "The sandbox has ended or dropped the connection.")
    case .violation(let text): RunnerLink.violation(text)
    case .crowded: RookeryError(.sandboxLost, "The sandbox takes no more requests.", context: "too much waits to be sent")
    }
  }
}
