import RookeryModel
import RookeryRunner

/// What a connection waits for. Methods return what to do: whom to resume, what to send.
struct LinkState: Sendable {
  /// Requests that wait for an answer at once.
  static let largestPending = 4096
  /// Entries of a list of processes that are taken.
  static let largestList = 1 << 16

  typealias Answer = CheckedContinuation<RunnerReply, any Error>
  typealias EventWaiter = CheckedContinuation<ProcessEvent?, any Error>

  struct Pending: Sendable {
    var answer: Answer
    var deadline: ContinuousClock.Instant?
    var entries: [RunnerReply.ProcessEntry] = []
  }

  struct Follower: Sendable {
    var output: OutputFollower
    /// The attachment that the runner sends under; nil while it is to send nothing.
    var attachment: UInt32?
    var waiter: EventWaiter?
    var failure: (any Error)?
  }

  enum Action: Sendable {
    case send(RunnerRequest, number: UInt32)
    case answer(Answer, Result<RunnerReply, any Error>)
    case deliver(EventWaiter, Result<ProcessEvent?, any Error>)
    case notice(JournalNotice)
  }

  /// Why the runner's frames can't be right.
  struct Violation: Error { var text: String }

  /// Why the connection is closed.
  private(set) var failure: RookeryError?
  private var lastNumber: UInt32 = 0
  private var lastFollower: UInt64 = 0
  private var pending: [UInt32: Pending] = [:]
  private var followers: [UInt64: Follower] = [:]
  private var attachments: [UInt32: UInt64] = [:]

  /// A number that nothing waits under.
  mutating func nextNumber() -> UInt32 {
    repeat { lastNumber &+= 1 } while lastNumber == 0 || pending[lastNumber] != nil || attachments[lastNumber] != nil
    return lastNumber
  }

  mutating func add(_ answer: Answer, number: UInt32, deadline: ContinuousClock.Instant?) throws(RookeryError) {
    if let failure { throw failure }
    guard pending.count < Self.largestPending else { throw RookeryError(.rateLimited, "Too many requests to one sandbox at once.") }
    pending[number] = Pending(answer: answer, deadline: deadline)
  }

  mutating func cancel(_ number: UInt32) -> [Action] {
    guard let request = pending.removeValue(forKey: number) else { return [] }
    return [.answer(request.answer, .failure(CancellationError()))]
  }

  func isOverdue(at now: ContinuousClock.Instant) -> Bool { pending.values.contains { $0.deadline.map { $0 <= now } ?? false } }

  // MARK: Followers

  mutating func follow(_ output: OutputFollower) -> (follower: UInt64, actions: [Action]) {
    lastFollower += 1
    followers[lastFollower] = Follower(output: output)
    return (lastFollower, attach(lastFollower))
  }

  mutating func unfollow(_ id: UInt64) -> [Action] {
    guard let follower = followers.removeValue(forKey: id) else { return [] }
    let waiter = follower.waiter.map { [Action.deliver($0, .failure(CancellationError()))] } ?? []
    return waiter + detach(follower.attachment)
  }

  /// Gives the next event to `waiter`, now or when it comes.
  mutating func next(_ id: UInt64, _ waiter: EventWaiter) -> [Action] {
    guard var follower = followers[id], follower.waiter == nil else { return [.deliver(waiter, .failure(CancellationError()))] }
    if let event = follower.output.next() {
      followers[id] = follower
      let isLagging = follower.attachment == nil && !follower.output.isComplete && follower.failure == nil
      return [.deliver(waiter, .success(event))] + (isLagging && follower.output.waitingBytes == 0 ? attach(id) : [])
    }
    if follower.output.isComplete { return [.deliver(waiter, .success(nil))] }
    if let failure = follower.failure ?? failure { return [.deliver(waiter, .failure(failure))] }
    follower.waiter = waiter
    followers[id] = follower
    return []
  }

  mutating func cancelNext(_ id: UInt64) -> [Action] {
    guard let waiter = followers[id]?.waiter else { return [] }
    followers[id]?.waiter = nil
    return [.deliver(waiter, .failure(CancellationError()))]
  }

  private mutating func attach(_ id: UInt64) -> [Action] {
    guard failure == nil, let follower = followers[id] else { return [] }
    let number = nextNumber()
    followers[id]?.attachment = number
    attachments[number] = id
    let output = follower.output
    return [.send(.attach(process: output.process, from: output.reached, window: UInt64(output.window)), number: number)]
  }

  private mutating func detach(_ attachment: UInt32?) -> [Action] {
    guard let attachment, attachments.removeValue(forKey: attachment) != nil, failure == nil else { return [] }
    return [.send(.detach(attachment: attachment), number: nextNumber())]
  }

  // MARK: What the runner says

  mutating func receive(_ reply: RunnerReply, number: UInt32) throws(Violation) -> [Action] {
    switch reply {
    case .output(let stream, let offset, let bytes):
      return try feed(number) { $0.receive(stream, offset: offset, bytes: bytes) }
    case .exited(let status):
      return try feed(number) { $0.receive(status) }
    case .journal(let full, let used, let limit):
      return [.notice(JournalNotice(isFull: full, used: used, limit: limit))]
    case .failed(let failure):
      if let id = attachments.removeValue(forKey: number) { return end(id, failure) }
      return finish(number, .failure(failure))
    case .processes(let entries, let more):
      guard var request = pending[number] else { return [] }
      request.entries += entries
      guard request.entries.count <= Self.largestList else { throw Violation(text: "too many processes") }
      pending[number] = request
      return more ? [] : finish(number, .success(.processes(request.entries, more: false)))
    case .hello, .done, .written:
      return finish(number, .success(reply))
    }
  }

  private mutating func finish(_ number: UInt32, _ result: Result<RunnerReply, any Error>) -> [Action] {
    // Nobody waits for the answer to a request that was cancelled.
    pending.removeValue(forKey: number).map { [.answer($0.answer, result)] } ?? []
  }

  private mutating func feed(
    _ attachment: UInt32, _ body: (inout OutputFollower) -> OutputFollower.Received
  ) throws(Violation) -> [Action] {
    // Output that was on its way when the attachment was given up.
    guard let id = attachments[attachment], var follower = followers[id] else { return [] }
    switch body(&follower.output) {
    case .violation: throw Violation(text: "output that does not follow")
    case .overrun:
      follower.attachment = nil
      followers[id] = follower
      return detach(attachment)
    case .stored: break
    }
    if follower.output.isComplete {
      follower.attachment = nil
      attachments[attachment] = nil
    }
    let waiter = follower.waiter
    follower.waiter = nil
    followers[id] = follower
    return waiter.map { next(id, $0) } ?? []
  }

  private mutating func end(_ id: UInt64, _ failure: any Error) -> [Action] {
    guard var follower = followers[id] else { return [] }
    let waiter = follower.waiter
    follower.waiter = nil
    follower.attachment = nil
    follower.failure = failure
    followers[id] = follower
    return waiter.map { next(id, $0) } ?? []
  }

  /// The connection is gone: everybody is told. What was received before can still be consumed.
  mutating func fail(_ error: RookeryError) -> [Action] {
    guard failure == nil else { return [] }
    failure = error
    var actions: [Action] = pending.values.map { .answer($0.answer, .failure(error)) }
    pending = [:]
    attachments = [:]
    for id in Array(followers.keys) { actions += end(id, error) }
    return actions
  }
}
