import NIOCore
import Synchronization

/// Keeps a writer from running ahead of the event loops that do its writing.
///
/// Writes to a channel are queued on its loop, and only there is it noticed that the peer takes no more. On a busy machine a
/// writer could queue tens of megabytes before that. So every now and then it waits until the loops have done what they were given.
final class WritePace: Sendable {
  private static let stride = 1 << 18

  private let loops: [any EventLoop]
  private let bytes = Mutex(0)

  init(loops: [any EventLoop]) { self.loops = loops }

  /// Call after each write.
  func wrote(_ count: Int) async throws {
    let isDue = bytes.withLock { bytes in
      bytes += count
      guard bytes >= Self.stride else { return false }
      bytes = 0
      return true
    }
    guard isDue else { return }
    for loop in loops { try await loop.submit {}.get() }
  }
}
