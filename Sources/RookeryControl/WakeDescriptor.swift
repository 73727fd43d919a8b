import CSandbox
import Glibc
import RookeryModel

/// Wakes a thread that polls: an event descriptor that stays readable once signalled, until cleared.
package final class WakeDescriptor: Sendable {
  enum Cause: Equatable { case descriptor, woken, timedOut }

  /// To be polled for reading.
  package let descriptor: Int32

  package init() throws {
    descriptor = cs_event_descriptor()
    guard descriptor >= 0 else { throw RookeryError.system("eventfd", -descriptor) }
  }

  deinit { close(descriptor) }

  package func signal() {
    var one: UInt64 = 1
    _ = write(descriptor, &one, MemoryLayout<UInt64>.size)
  }

  package func clear() {
    var count: UInt64 = 0
    _ = read(descriptor, &count, MemoryLayout<UInt64>.size)
  }

  /// Waits until `other` has one of `events` (or an error), this is signalled (which comes first), or `deadline` is over.
  func wait(beside other: Int32, events: Int16, until deadline: ContinuousClock.Instant?) -> Cause {
    while true {
      var polls = [pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0), pollfd(fd: other, events: events, revents: 0)]
      let count = poll(&polls, 2, deadline.map { ($0 - .now).pollMilliseconds } ?? -1)
      if count > 0 { return polls[0].revents != 0 ? .woken : .descriptor }
      if count < 0, errno != EINTR { return .descriptor }
      if let deadline, ContinuousClock.now >= deadline { return .timedOut }
    }
  }
}
