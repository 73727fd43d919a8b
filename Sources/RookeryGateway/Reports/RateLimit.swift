import Synchronization

/// So many at once, and so many a second in the long run.
final class RateLimit: Sendable {
  private let perSecond: Double
  private let burst: Double
  private let state: Mutex<(left: Double, at: ContinuousClock.Instant)>

  init(perSecond: Double, burst: Double, now: ContinuousClock.Instant = .now) {
    self.perSecond = perSecond
    self.burst = burst
    state = Mutex((burst, now))
  }

  /// Whether one more is within the limit.
  func take(now: ContinuousClock.Instant = .now) -> Bool {
    state.withLock { state in
      let passed = state.at.duration(to: now) / .seconds(1)
      state = (min(burst, state.left + max(0, passed) * perSecond), max(now, state.at))
      guard state.left >= 1 else { return false }
      state.left -= 1
      return true
    }
  }
}
