import Foundation
import RookeryModel

/// Usage that `serve` has not collected yet.
actor UsageSpool {
  private let limit: Int
  private let changed = ChangeSignal()
  private var entries: [UsageEntry] = []
  /// Goes on from the time, so that a restarted gateway's entries come after those that were collected from the one before.
  private var last = Int64(Date().timeIntervalSince1970 * 1000) * 1000

  init(limit: Int) { self.limit = limit }

  func add(_ usage: Usage, of sandbox: SandboxID) {
    last += 1
    // A full spool keeps every token, but no longer when it was used.
    if entries.count >= limit, let index = entries.lastIndex(where: { $0.sandbox == sandbox }) {
      let merged = entries.remove(at: index).usage
      entries.append(
        UsageEntry(
          seq: last, sandbox: sandbox,
          usage: Usage(
            inputTokens: merged.inputTokens + usage.inputTokens, outputTokens: merged.outputTokens + usage.outputTokens,
            requests: merged.requests + usage.requests,
            costMicroUSD: merged.costMicroUSD == nil && usage.costMicroUSD == nil
              ? nil : (merged.costMicroUSD ?? 0) + (usage.costMicroUSD ?? 0))))
    } else {
      entries.append(UsageEntry(seq: last, sandbox: sandbox, usage: usage))
    }
    changed.notify()
  }

  /// Tokens, and millionths of a US dollar, of a sandbox that nobody collected.
  func uncollected(_ sandbox: SandboxID) -> (tokens: Int, cost: Int) {
    entries.filter { $0.sandbox == sandbox }.reduce((0, 0)) {
      ($0.0 + $1.usage.inputTokens + $1.usage.outputTokens, $0.1 + ($1.usage.costMicroUSD ?? 0))
    }
  }

  /// Forgets what was collected up to `after`, and returns at most 1,000 entries beyond; waits up to `wait` for the first.
  func collect(after: Int64, wait: Duration) async -> [UsageEntry] {
    let deadline = ContinuousClock.now + wait
    entries.removeAll { $0.seq <= after }
    while true {
      let version = changed.version
      let found = entries.filter { $0.seq > after }
      let now = ContinuousClock.now
      if !found.isEmpty || now >= deadline || Task.isCancelled { return Array(found.prefix(1000)) }
      await changed.wait(past: version, upTo: deadline - now)
    }
  }
}
