import NIOCore
import Synchronization

/// Hands the parts of a body from the task that receives them to the one that sends them on, a bounded number of bytes at a time.
///
/// One producer, one consumer. Valid transitions: open → ended (by the producer) or abandoned (by the consumer).
final class BodyRelay: AsyncSequence, Sendable {
  typealias Element = ByteBuffer

  /// The consumer has gone; what remains of the body is not wanted.
  struct Abandoned: Error {}

  private struct State {
    var parts: [ByteBuffer] = []
    var bytes = 0
    var end: Result<Void, any Error>?
    var abandoned = false
    var touched = false
    var producer: CheckedContinuation<Void, any Error>?
    var consumer: CheckedContinuation<ByteBuffer?, any Error>?
  }

  private let limit: Int
  private let state = Mutex(State())

  /// - Parameter limit: Bytes that wait here, at most, before the producer does.
  init(limit: Int = 1 << 18) { self.limit = limit }

  /// Whether anything was taken out.
  var isTouched: Bool { state.withLock { $0.touched } }

  /// Waits until there is room. Throws `Abandoned` when nobody will take it.
  func send(_ part: ByteBuffer) async throws {
    guard part.readableBytes > 0 else { return }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { (producer: CheckedContinuation<Void, any Error>) in
        let actions: (consumer: CheckedContinuation<ByteBuffer?, any Error>?, result: Result<Void, any Error>?) = state.withLock { state in
          if state.abandoned { return (nil, .failure(Abandoned())) }
          if Task.isCancelled { return (nil, .failure(CancellationError())) }
          if let consumer = state.consumer {
            state.consumer = nil
            state.touched = true
            return (consumer, .success(()))
          }
          state.parts.append(part)
          state.bytes += part.readableBytes
          if state.bytes < limit { return (nil, .success(())) }
          state.producer = producer
          return (nil, nil)
        }
        actions.consumer?.resume(returning: part)
        if let result = actions.result { producer.resume(with: result) }
      }
    } onCancel: {
      let producer = state.withLock { state in
        defer { state.producer = nil }
        return state.producer
      }
      producer?.resume(throwing: CancellationError())
    }
  }

  /// The body is complete.
  func finish() { end(.success(())) }

  /// The body will never be complete.
  func fail(_ error: any Error) { end(.failure(error)) }

  /// The consumer wants no more.
  func abandon() {
    let producer = state.withLock { state in
      state.abandoned = true
      state.parts = []
      state.bytes = 0
      defer { state.producer = nil }
      return state.producer
    }
    producer?.resume(throwing: Abandoned())
  }

  /// The next part; nil at the end.
  func next() async throws -> ByteBuffer? {
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { (consumer: CheckedContinuation<ByteBuffer?, any Error>) in
        let actions: (producer: CheckedContinuation<Void, any Error>?, result: Result<ByteBuffer?, any Error>?) = state.withLock { state in
          if !state.parts.isEmpty {
            let part = state.parts.removeFirst()
            state.bytes -= part.readableBytes
            state.touched = true
            guard state.bytes < limit else { return (nil, .success(part)) }
            defer { state.producer = nil }
            return (state.producer, .success(part))
          }
          if let end = state.end { return (nil, end.map { nil }) }
          if Task.isCancelled { return (nil, .failure(CancellationError())) }
          state.consumer = consumer
          return (nil, nil)
        }
        actions.producer?.resume()
        if let result = actions.result { consumer.resume(with: result) }
      }
    } onCancel: {
      let consumer = state.withLock { state in
        defer { state.consumer = nil }
        return state.consumer
      }
      consumer?.resume(throwing: CancellationError())
    }
  }

  private func end(_ result: Result<Void, any Error>) {
    let consumer = state.withLock { state -> CheckedContinuation<ByteBuffer?, any Error>? in
      guard state.end == nil else { return nil }
      state.end = result
      defer { state.consumer = nil }
      return state.consumer
    }
    consumer?.resume(with: result.map { nil })
  }

  struct Iterator: AsyncIteratorProtocol {
    let relay: BodyRelay
    func next() async throws -> ByteBuffer? { try await relay.next() }
  }

  func makeAsyncIterator() -> Iterator { Iterator(relay: self) }
}
