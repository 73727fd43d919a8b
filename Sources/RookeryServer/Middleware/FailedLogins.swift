import Foundation
import RookeryModel
import Synchronization

/// How many failed logins an address has left: ten at once, then one every six seconds. A value; time is given to it.
struct FailureAllowance: Sendable {
  static let burst = 10.0
  static let perSecond = 1.0 / 6
  /// Addresses kept; beyond it those that regained their whole allowance are forgotten, then everyone is.
  static let capacity = 10_000

  private var spent: [String: (amount: Double, at: Date)] = [:]

  private func amount(_ address: String, now: Date) -> Double {
    guard let entry = spent[address] else { return 0 }
    return max(0, entry.amount - now.timeIntervalSince(entry.at) * Self.perSecond)
  }

  func isExhausted(_ address: String, now: Date) -> Bool { amount(address, now: now) > Self.burst - 1 }

  mutating func recordFailure(_ address: String, now: Date) {
    if spent.count >= Self.capacity {
      spent = spent.filter { now.timeIntervalSince($0.value.at) * Self.perSecond < $0.value.amount }
      if spent.count >= Self.capacity { spent.removeAll() }
    }
    spent[address] = (min(Self.burst, amount(address, now: now) + 1), now)
  }
}

/// Failed logins by address.
final class FailedLogins: Sendable {
  private let allowance = Mutex(FailureAllowance())

  /// Counts a failure; throws `rateLimited` when there were too many.
  func record(_ address: String, now: Date = Date()) throws {
    let exhausted = allowance.withLock { allowance in
      let exhausted = allowance.isExhausted(address, now: now)
      allowance.recordFailure(address, now: now)
      return exhausted
    }
    if exhausted { throw Self.refusal }
  }

  /// Throws `rateLimited` when the address has no failures left.
  func admit(_ address: String, now: Date = Date()) throws {
    if allowance.withLock({ $0.isExhausted(address, now: now) }) { throw Self.refusal }
  }

  private static var refusal: RookeryError {
    RookeryError(.rateLimited, "Too many failed logins from this address.", mend: "Wait a minute, then try again.")
  }
}
