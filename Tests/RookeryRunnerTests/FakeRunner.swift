import Foundation
import Glibc
import RookeryRunner
import Testing

/// A runner under the control of a test: it says whatever it is told to, in answer to what the client asks.
final class FakeRunner: Sendable {
  let path: String
  private let listener: Int32

  /// `script` is called for each request with its number; what it returns is sent as it is.
  init(_ script: @escaping @Sendable (RunnerRequest, UInt32) -> [UInt8]) throws {
    path = "/tmp/rk-fake-\(UInt64.random(in: 0..<1 << 48))"
    listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    let descriptor = listener
    let isBound = withUnixAddress(path) { bind(descriptor, $0, $1) } == 0
    try #require(isBound && listen(descriptor, 8) == 0)
    Thread.detachNewThread {
      let connection = accept(descriptor, nil, nil)
      guard connection >= 0 else { return }
      _ = fcntl(connection, F_SETFD, FD_CLOEXEC)
      Self.serve(connection, script)
      close(connection)
    }
  }

  private static func serve(_ connection: Int32, _ script: (RunnerRequest, UInt32) -> [UInt8]) {
    var buffer = FrameBuffer()
    var bytes = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = recv(connection, &bytes, bytes.count, 0)
      guard count > 0 else { return }
      buffer.append(bytes[..<count])
      while let frame = try? buffer.next(), let (number, request) = try? RunnerRequest.decode(frame) {
        var answer = script(request, number)[...]
        while !answer.isEmpty {
          let sent = answer.withUnsafeBytes { send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
          guard sent > 0 else { return }
          answer = answer.dropFirst(sent)
        }
      }
    }
  }

  deinit {
    shutdown(listener, Int32(SHUT_RDWR))
    close(listener)
    unlink(path)
  }
}
