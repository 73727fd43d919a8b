import Foundation
import RookeryModel
import Synchronization

/// How many hints of one person are taken: twenty at once, then one a second. Hints are cheap but not free, and a page sends them
/// while someone types.
final class HintAllowance: Sendable {
  private struct Spent {
    var amount: Double
    var at: Date
  }
  private static let burst = 20.0
  private static let perSecond = 1.0
  /// People kept; beyond it those who have their whole allowance back are forgotten.
  private static let capacity = 10_000

  private let refusal: RookeryError
  private let spent = Mutex<[UserID: Spent]>([:])

  /// `what`: of which too many are refused.
  init(_ what: String = "requests to warm a sandbox") {
    refusal = RookeryError(.rateLimited, "Too many \(what).", mend: "One every few seconds is enough.")
  }

  /// Throws `rateLimited`.
  func take(_ user: UserID, now: Date = Date()) throws {
    let isAllowed = spent.withLock { spent in
      func left(_ entry: Spent) -> Double { max(0, entry.amount - now.timeIntervalSince(entry.at) * Self.perSecond) }
      if spent.count >= Self.capacity { spent = spent.filter { left($0.value) > 0 } }
      let amount = spent[user].map(left) ?? 0
      guard amount + 1 <= Self.burst else { return false }
      spent[user] = Spent(amount: amount + 1, at: now)
      return true
    }
    guard isAllowed else { throw refusal }
  }
}
