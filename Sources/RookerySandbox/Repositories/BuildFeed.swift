import RookeryModel
import Synchronization

/// Tells waiting readers that a build has new lines or another state. A lossy hint: readers look into the registry.
final class BuildFeed: Sendable {
  private struct Waiters {
    var next = 0
    var streams: [ImageID: [Int: AsyncStream<Void>.Continuation]] = [:]
  }
  private let waiters = Mutex(Waiters())

  /// Hints from now on; at most one is kept until it is read.
  func hints(of image: ImageID) -> AsyncStream<Void> {
    let (stream, continuation) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
    let number = waiters.withLock { waiters in
      waiters.next += 1
      waiters.streams[image, default: [:]][waiters.next] = continuation
      return waiters.next
    }
    continuation.onTermination = { [weak self] _ in self?.remove(number, of: image) }
    return stream
  }

  func changed(_ image: ImageID) {
    let streams = waiters.withLock { $0.streams[image] ?? [:] }
    for stream in streams.values { stream.yield() }
  }

  private func remove(_ number: Int, of image: ImageID) {
    waiters.withLock { waiters in
      waiters.streams[image]?[number] = nil
      if waiters.streams[image]?.isEmpty == true { waiters.streams[image] = nil }
    }
  }
}
