import Glibc
import RookeryRunner
import Testing

/// A client that sends whatever bytes a test gives it, and reads only when told to.
final class RawClient {
  let descriptor: Int32
  private var buffer = FrameBuffer()

  init(_ path: String) throws {
    descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    try #require(withUnixAddress(path) { connect(descriptor, $0, $1) } == 0)
    var time = timeval(tv_sec: 60, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
  }

  @discardableResult
  func send(_ bytes: [UInt8]) -> Int { Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) }

  func send(_ request: RunnerRequest, number: UInt32) { send(request.frame(number: number)) }

  /// The next frame; nil when the runner closed the connection.
  func next() throws -> (number: UInt32, reply: RunnerReply)? {
    while true {
      if let frame = try buffer.next() { return try RunnerReply.decode(frame) }
      var bytes = [UInt8](repeating: 0, count: 65536)
      let count = recv(descriptor, &bytes, bytes.count, 0)
      try #require(count >= 0 || errno == ECONNRESET, "nothing came within a minute")
      guard count > 0 else { return nil }
      buffer.append(bytes[..<count])
    }
  }

  deinit { close(descriptor) }
}
