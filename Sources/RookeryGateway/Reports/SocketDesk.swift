import Foundation
import RookeryModel

/// Questions which program of a sandbox has a socket. Only `host` can tell; nobody waits long for it, and nobody waits at all while
/// it does not ask for questions.
actor SocketDesk {
  private struct Open {
    var question: SocketQuestion
    var isDelivered = false
    var waiter: CheckedContinuation<String?, Never>
  }

  /// Questions that wait at once, and how often one sandbox is looked at, a second in the long run.
  private static let (limit, perSecond, burst) = (64, 2.0, 20.0)
  /// Bytes of a program's name that are taken over.
  private static let nameLimit = 64
  /// For how long after its last question `host` is taken to come back with another.
  private static let attention = Duration.seconds(2)

  private let patience: Duration
  private let changed = ChangeSignal()
  private var open: [Int64: Open] = [:]
  private var rates: [SandboxID: RateLimit] = [:]
  private var attended: ContinuousClock.Instant?
  private var readers = 0
  /// Goes on from the time, so that an answer to an earlier gateway's question meets none of ours.
  private var next = Int64(Date().timeIntervalSince1970 * 1000) * 1000

  init(patience: Duration) { self.patience = patience }

  /// The program that has the socket `peer`; nil when that can't be told soon.
  func owner(of peer: SandboxPeer, in sandbox: SandboxID) async -> String? {
    guard readers > 0 || attended.map({ $0 + Self.attention > .now }) == true, open.count < Self.limit, rate(of: sandbox).take() else {
      return nil
    }
    next += 1
    let number = next
    let end = Task { [patience] in
      try? await Task.sleep(for: patience)
      answer(number, nil)
    }
    defer { end.cancel() }
    return await withCheckedContinuation { continuation in
      open[number] = Open(question: SocketQuestion(number: number, sandbox: sandbox, peer: peer), waiter: continuation)
      changed.notify()
    }
  }

  /// Questions that nobody has been given yet; waits up to `wait` for the first.
  func questions(wait: Duration) async -> [SocketQuestion] {
    readers += 1
    defer {
      readers -= 1
      attended = .now
    }
    let deadline = ContinuousClock.now + wait
    while true {
      let version = changed.version
      let due = open.values.filter { !$0.isDelivered }.map(\.question).sorted { $0.number < $1.number }
      let now = ContinuousClock.now
      // Whoever asked has gone: the questions wait for the next one.
      if Task.isCancelled { return [] }
      if !due.isEmpty || now >= deadline {
        for question in due { open[question.number]?.isDelivered = true }
        return due
      }
      await changed.wait(past: version, upTo: deadline - now)
    }
  }

  /// An answer to a question that nobody waits for any more is dropped.
  func answer(_ number: Int64, _ program: String?) {
    let name = program.map { String($0.prefix(Self.nameLimit)).printable }
    open.removeValue(forKey: number)?.waiter.resume(returning: name?.isEmpty == false ? name : nil)
  }

  /// Forgets a sandbox that has ended.
  func forget(_ sandbox: SandboxID) { rates[sandbox] = nil }

  private func rate(of sandbox: SandboxID) -> RateLimit {
    if let rate = rates[sandbox] { return rate }
    let rate = RateLimit(perSecond: Self.perSecond, burst: Self.burst)
    rates[sandbox] = rate
    return rate
  }
}
