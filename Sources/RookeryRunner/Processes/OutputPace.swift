/// How fast a sandbox's processes may write, all together: a bucket that holds four seconds' worth. Times are milliseconds.
///
/// One read may take more than is left; what is owed is paid by waiting.
package struct OutputPace: Sendable, Equatable {
  private let perSecond: Int64
  /// Thousandths of a byte, so that short waits add up.
  private var balance: Int64
  private var last: UInt64

  package static let burstSeconds: Int64 = 4

  /// Nil where there is no bound.
  package init?(bytesPerSecond: UInt64?, now: UInt64) {
    guard let bytesPerSecond else { return nil }
    perSecond = Int64(min(max(1, bytesPerSecond), 1 << 40))
    balance = perSecond * Self.burstSeconds * 1000
    last = now
  }

  /// Whether something may be read now.
  package mutating func allows(now: UInt64) -> Bool {
    let most = perSecond * Self.burstSeconds * 1000
    let passed = Int64(min(now - min(now, last), 60_000))
    last = max(last, now)
    balance = min(most, balance + perSecond * passed)
    return balance > 0
  }

  package mutating func spend(_ bytes: Int) { balance -= Int64(bytes) * 1000 }

  /// When something may be read again.
  package func opens(now: UInt64) -> UInt64 { balance > 0 ? now : last + UInt64((-balance) / perSecond) + 1 }
}
