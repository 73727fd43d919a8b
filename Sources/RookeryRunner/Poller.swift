import CSandbox
import Glibc

/// What the runner waits for: readiness of descriptors, each under a token that is never used again, so that an event of a descriptor
/// that was closed meanwhile meets nobody.
final class Poller {
  enum Interest { case read, write, both, none }

  private let descriptor: Int32
  private var events = [cs_poll_event](repeating: cs_poll_event(), count: Int(CS_POLL_EVENTS))

  init() throws(SystemFailure) {
    descriptor = cs_poller()
    guard descriptor >= 0 else { throw SystemFailure(-descriptor) }
  }

  func add(_ file: Int32, token: UInt64, _ interest: Interest) throws(SystemFailure) {
    let error = cs_poller_add(descriptor, file, token, Self.mask(interest))
    guard error == 0 else { throw SystemFailure(error) }
  }

  /// Changes the interest of a descriptor that was added, which can't fail.
  func change(_ file: Int32, token: UInt64, _ interest: Interest) { _ = cs_poller_change(descriptor, file, token, Self.mask(interest)) }

  func remove(_ file: Int32) { _ = cs_poller_remove(descriptor, file) }

  /// Waits at most `timeout` milliseconds; nil waits for ever.
  func wait(timeout: UInt64?) -> ArraySlice<cs_poll_event> {
    let count = cs_poller_wait(descriptor, &events, timeout.map { Int32(clamping: $0) } ?? -1)
    return events[..<Int(count)]
  }

  private static func mask(_ interest: Interest) -> cs_interest {
    switch interest {
    case .read: CS_INTEREST_READ
    case .write: CS_INTEREST_WRITE
    case .both: CS_INTEREST_BOTH
    case .none: CS_INTEREST_NONE
    }
  }

  deinit { close(descriptor) }
}

/// Milliseconds of the monotonic clock.
func monotonicMilliseconds() -> UInt64 {
  var now = timespec()
  clock_gettime(CLOCK_MONOTONIC, &now)
  return UInt64(now.tv_sec) * 1000 + UInt64(now.tv_nsec) / 1_000_000
}
