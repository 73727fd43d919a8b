import Foundation
import RookeryModel
import Synchronization

/// What `serve` should know about sandboxes and has not collected yet: refusals, gathered by host and port, and spent budgets.
final class ReportSpool: Sendable {
  /// Of one sandbox's refusals of one kind.
  private struct Kind: Hashable {
    var sandbox: SandboxID
    var host: String
    var port: Int
  }

  private struct Gathering {
    var reported: ContinuousClock.Instant
    var refusal: NetworkRefused
    /// Since it was last reported.
    var count = 0
  }

  private struct State {
    var entries: [GatewayReport] = []
    var gatherings: [Kind: Gathering] = [:]
    var rates: [SandboxID: RateLimit] = [:]
    /// Goes on from the time, so that a restarted gateway's reports come after those of the one before.
    var last = Int64(Date().timeIntervalSince1970 * 1000) * 1000
  }

  /// How long refusals of one kind are gathered before they are told again.
  static let window = Duration.seconds(30)
  private static let kinds = 4096

  private let limit: Int
  private let changed = ChangeSignal()
  private let state = Mutex(State())

  /// - Parameter limit: reports that wait at once; older ones give way.
  init(limit: Int) { self.limit = limit }

  func refused(
    _ sandbox: SandboxID, host: String, port: Int, reason: String, process: String? = nil, now: ContinuousClock.Instant = .now
  ) {
    let kind = Kind(sandbox: sandbox, host: String(host.prefix(255)), port: port)
    let refusal = NetworkRefused(host: kind.host.printable, port: port, reason: reason, process: process, count: 1)
    let isTold = state.withLock { state in
      var gathering = state.gatherings[kind] ?? Gathering(reported: now - Self.window, refusal: refusal)
      let known = gathering.refusal.process
      gathering.refusal = refusal
      if process == nil { gathering.refusal.process = known }
      gathering.count += 1
      if state.gatherings.count >= Self.kinds { state.gatherings.removeAll() }
      guard gathering.reported + Self.window <= now, Self.rate(of: sandbox, &state, now).take(now: now) else {
        state.gatherings[kind] = gathering
        return false
      }
      Self.tell(kind, &gathering, &state, now)
      cut(&state)
      return true
    }
    if isTold { changed.notify() }
  }

  /// Whether a refusal of this kind would be told now, and not only counted.
  func tellsNow(_ sandbox: SandboxID, host: String, port: Int, now: ContinuousClock.Instant = .now) -> Bool {
    let kind = Kind(sandbox: sandbox, host: String(host.prefix(255)), port: port)
    return state.withLock { state in state.gatherings[kind].map { $0.reported + Self.window <= now } ?? true }
  }

  func budgetSpent(_ sandbox: SandboxID, detail: String) {
    state.withLock { state in
      let kind = GatewayReport.Kind.budgetSpent(detail: detail)
      guard state.entries.last(where: { $0.sandbox == sandbox })?.kind != kind else { return }
      state.last += 1
      state.entries.append(GatewayReport(seq: state.last, sandbox: sandbox, kind: kind))
      cut(&state)
    }
    changed.notify()
  }

  /// Forgets what was collected up to `after`, and returns at most 1,000 reports beyond; waits up to `wait` for the first.
  func collect(after: Int64, wait: Duration) async -> [GatewayReport] {
    let deadline = ContinuousClock.now + wait
    while true {
      let version = changed.version
      let now = ContinuousClock.now
      let found = state.withLock { state in
        state.entries.removeAll { $0.seq <= after }
        tellGathered(&state, now)
        return Array(state.entries.filter { $0.seq > after }.prefix(1000))
      }
      if !found.isEmpty || now >= deadline || Task.isCancelled { return found }
      // What is being gathered is told in the end, even if nothing more comes.
      await changed.wait(past: version, upTo: min(deadline - now, .seconds(10)))
    }
  }

  /// Forgets a sandbox that has ended, except what was not collected yet.
  func forget(_ sandbox: SandboxID) {
    state.withLock { state in
      state.rates[sandbox] = nil
      state.gatherings = state.gatherings.filter { $0.key.sandbox != sandbox }
    }
  }

  private func tellGathered(_ state: inout State, _ now: ContinuousClock.Instant) {
    for (kind, gathering) in state.gatherings where gathering.reported + Self.window <= now {
      guard gathering.count > 0 else {
        state.gatherings[kind] = nil
        continue
      }
      guard Self.rate(of: kind.sandbox, &state, now).take(now: now) else { continue }
      var gathering = gathering
      Self.tell(kind, &gathering, &state, now)
    }
    cut(&state)
  }

  private static func tell(_ kind: Kind, _ gathering: inout Gathering, _ state: inout State, _ now: ContinuousClock.Instant) {
    state.last += 1
    gathering.refusal.count = gathering.count
    state.entries.append(GatewayReport(seq: state.last, sandbox: kind.sandbox, kind: .refused(gathering.refusal)))
    (gathering.count, gathering.reported) = (0, now)
    state.gatherings[kind] = gathering
  }

  private static func rate(of sandbox: SandboxID, _ state: inout State, _ now: ContinuousClock.Instant) -> RateLimit {
    if let rate = state.rates[sandbox] { return rate }
    let rate = RateLimit(perSecond: 0.2, burst: 30, now: now)
    state.rates[sandbox] = rate
    return rate
  }

  private func cut(_ state: inout State) {
    if state.entries.count > limit { state.entries.removeFirst(state.entries.count - limit) }
  }
}
