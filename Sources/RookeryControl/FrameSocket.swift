import CSandbox
import Foundation
import Glibc
import RookeryModel

/// Frames over one connected socket, for threads that may block. Every operation ends by its deadline.
struct FrameSocket {
  let descriptor: Int32

  struct Frame {
    var body: Data
    var descriptors: [Int32]
  }

  /// What ends a connection.
  enum Failure: Error, Equatable {
    /// The peer closed it or is gone.
    case closed
    case timedOut
    case system(step: String, errno: Int32)
  }

  /// The next frame, or nil when the peer closed the connection between frames. The caller owns the descriptors.
  ///
  /// `idle` bounds the wait for the first byte, `whole` the time from there to the last.
  func read(idle: ContinuousClock.Instant, whole: Duration) throws -> Frame? {
    var descriptors = ReceivedDescriptors()
    do {
      try wait(for: Int16(POLLIN), until: idle)
      let deadline = ContinuousClock.now + whole
      guard let header = try readBytes(ControlFrame.headerLength, until: deadline, collecting: &descriptors) else { return nil }
      let length = try ControlFrame.bodyLength(header: header)
      guard let body = try readBytes(length, until: deadline, collecting: &descriptors) else { throw Failure.closed }
      return Frame(body: Data(body), descriptors: descriptors.values)
    } catch {
      descriptors.closeAll()
      throw error
    }
  }

  /// Sends a whole frame, with `descriptors` on its first byte. They stay the caller's.
  func write(_ frame: Data, descriptors: [Int32] = [], until deadline: ContinuousClock.Instant) throws {
    var sent = 0
    while sent < frame.count {
      let attached = sent == 0 ? descriptors : []
      let count = frame.withUnsafeBytes { bytes in
        cs_send(self.descriptor, bytes.baseAddress?.advanced(by: sent), bytes.count - sent, attached, attached.count)
      }
      switch count {
      case 0...: sent += count
      case -Int(EAGAIN): try wait(for: Int16(POLLOUT), until: deadline)
      case -Int(EPIPE), -Int(ECONNRESET): throw Failure.closed
      default: throw Failure.system(step: "sendmsg", errno: Int32(-count))
      }
    }
  }

  private func readBytes(
    _ count: Int, until deadline: ContinuousClock.Instant, collecting descriptors: inout ReceivedDescriptors
  ) throws -> [UInt8]? {
    // Grows with what arrives, so that a header alone reserves no memory.
    var bytes: [UInt8] = []
    while bytes.count < count {
      var part = [UInt8](repeating: 0, count: min(count - bytes.count, 1 << 16))
      let received = cs_receive(descriptor, &part, part.count, &descriptors.storage, &descriptors.count)
      switch received {
      case 1...: bytes.append(contentsOf: part.prefix(received))
      case 0:
        if bytes.isEmpty { return nil }
        throw Failure.closed
      case -Int(EAGAIN): try wait(for: Int16(POLLIN), until: deadline)
      case -Int(ECONNRESET): throw Failure.closed
      default: throw Failure.system(step: "recvmsg", errno: Int32(-received))
      }
    }
    return bytes
  }

  private func wait(for events: Int16, until deadline: ContinuousClock.Instant) throws {
    while true {
      var poll = pollfd(fd: descriptor, events: events, revents: 0)
      let count = Glibc.poll(&poll, 1, (deadline - .now).pollMilliseconds)
      if count > 0 { return }
      if count < 0, errno != EINTR { throw Failure.system(step: "poll", errno: errno) }
      if ContinuousClock.now >= deadline { throw Failure.timedOut }
    }
  }
}

/// Descriptors that came with the parts of a frame, in the fixed space that one message may fill.
private struct ReceivedDescriptors {
  var storage = [Int32](repeating: -1, count: Int(CS_MAX_DESCRIPTORS))
  var count = 0
  var values: [Int32] { Array(storage.prefix(count)) }
  func closeAll() { for descriptor in values { close(descriptor) } }
}

extension Duration {
  /// Whole milliseconds, rounded up, at least 0, as `poll` takes them.
  var pollMilliseconds: Int32 {
    let (seconds, attoseconds) = components
    guard seconds >= 0, attoseconds >= 0 else { return 0 }
    let milliseconds = min(seconds, 86_400) * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
    return Int32(min(milliseconds, Int64(Int32.max)))
  }
}
