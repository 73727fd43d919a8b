import CSandbox
import Glibc
import RookeryRunner
import Synchronization

/// A socket that neither reading nor writing blocks on. Whoever sends writes at once what fits; the reactor writes the rest.
final class LinkSocket: Sendable {
  /// The most bytes that wait to be sent: far more than the requests that wait for answers at once.
  private static let largestQueue = 64 << 20
  private static let lastToken = Atomic<UInt64>(0)

  struct Frame {
    var number: UInt32
    var reply: RunnerReply
  }

  private struct Contents {
    var descriptor: Int32
    var received = FrameBuffer()
    var queue: [UInt8] = []
    var written = 0
    var isWatchedForWriting = false
  }

  let token = lastToken.add(1, ordering: .relaxed).newValue
  private let contents: Mutex<Contents>

  init(descriptor: Int32) { contents = Mutex(Contents(descriptor: descriptor)) }

  func send(_ bytes: [UInt8]) throws(LinkFailure) {
    try contents.withLock { contents throws(LinkFailure) in
      guard contents.descriptor >= 0 else { return }
      guard contents.queue.count - contents.written + bytes.count <= Self.largestQueue else { throw .crowded }
      contents.queue += bytes
      if !contents.isWatchedForWriting { try flush(&contents) }
    }
  }

  func flush() throws(LinkFailure) {
    try contents.withLock { contents throws(LinkFailure) in try flush(&contents) }
  }

  private func flush(_ contents: inout Contents) throws(LinkFailure) {
    guard contents.descriptor >= 0 else { return }
    while contents.written < contents.queue.count {
      let count = contents.queue.withUnsafeBytes {
        cs_send(contents.descriptor, $0.baseAddress?.advanced(by: contents.written), $0.count - contents.written, nil, 0)
      }
      if count > 0 {
        contents.written += count
      } else if count == -Int(EAGAIN) {
        break
      } else if count != -Int(EINTR) {
        throw .system(step: "send", error: Int32(-count))
      }
    }
    let isWaiting = contents.written < contents.queue.count
    if !isWaiting {
      contents.queue.removeAll(keepingCapacity: contents.queue.capacity <= 1 << 16)
      contents.written = 0
    } else if contents.written > 1 << 20 {
      contents.queue.removeFirst(contents.written)
      contents.written = 0
    }
    if isWaiting != contents.isWatchedForWriting {
      contents.isWatchedForWriting = isWaiting
      RunnerReactor.watch(contents.descriptor, token: token, forWriting: isWaiting)
    }
  }

  /// Takes what came, at most a few hundred kilobytes, as whole frames.
  func receive() throws(LinkFailure) -> [Frame] {
    try contents.withLock { contents throws(LinkFailure) in
      guard contents.descriptor >= 0 else { return [] }
      var frames: [Frame] = []
      for _ in 0..<4 {
        let size = 1 << 16
        var result = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
          result = recv(contents.descriptor, buffer.baseAddress, size, Int32(MSG_DONTWAIT))
          if result < 0 { result = -Int(errno) }
          count = max(0, result)
        }
        guard result != 0 else {
          // What came before the end is still delivered; the next read says the end again.
          if frames.isEmpty { throw .endOfFile }
          return frames
        }
        if result == -Int(EAGAIN) || result == -Int(EINTR) { break }
        guard result > 0 else { throw .system(step: "recv", error: Int32(-result)) }
        contents.received.append(bytes)
        do throws(FrameError) {
          while let frame = try contents.received.next() {
            let (number, reply) = try RunnerReply.decode(frame)
            frames.append(Frame(number: number, reply: reply))
          }
        } catch {
          throw .violation("a frame that is none: \(error)")
        }
        if result < size { break }
      }
      return frames
    }
  }

  func close() {
    contents.withLock { contents in
      guard contents.descriptor >= 0 else { return }
      RunnerReactor.remove(contents.descriptor, token: token)
      _ = Glibc.close(contents.descriptor)
      contents = Contents(descriptor: -1)
    }
  }

  deinit { close() }
}
