import Dispatch
import Foundation
import Glibc
import RookeryTestSupport
import Synchronization

/// A client that sends bytes as they are, which no HTTP library would.
enum RawSocket {
  /// Sends `pieces` with `pause` between them and returns everything that came until the peer closed.
  /// Throws when it doesn't close within `timeout` seconds.
  static func exchange(port: Int, _ pieces: [[UInt8]], pause: Duration = .zero, timeout: Int = 30) async throws -> String {
    let queue = DispatchQueue(label: "raw-socket")
    return try await withCheckedThrowingContinuation { continuation in
      queue.async { continuation.resume(with: Result { try perform(port: port, pieces, pause: pause, timeout: timeout) }) }
    }
  }

  static func exchange(port: Int, _ text: String, timeout: Int = 30) async throws -> String {
    try await exchange(port: port, [Array(text.utf8)], timeout: timeout)
  }

  /// A connected socket, which the caller closes.
  static func connect(port: Int) throws -> Int32 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard connect(descriptor, port) == 0 else {
      close(descriptor)
      throw Command.Failed(description: "connect: \(String(cString: strerror(errno)))")
    }
    return descriptor
  }

  /// A socket that may be connected some time; the caller closes it.
  static func connecting(port: Int) -> Int32 {
    let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
    let descriptor = socket(AF_INET, kind, 0)
    _ = connect(descriptor, port)
    return descriptor
  }

  private static func connect(_ descriptor: Int32, _ port: Int) -> Int32 {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  }

  private static func perform(port: Int, _ pieces: [[UInt8]], pause: Duration, timeout: Int) throws -> String {
    let descriptor = try connect(port: port)
    defer { close(descriptor) }
    var limit = timeval(tv_sec: timeout, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    for piece in pieces {
      // A peer that has had enough may have closed already; what it said is still to be read.
      if send(descriptor, piece, piece.count, Int32(MSG_NOSIGNAL)) < 0 { break }
      if pause > .zero { usleep(UInt32(pause / .microseconds(1))) }
    }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let got = recv(descriptor, &buffer, buffer.count, 0)
      if got == 0 || (got < 0 && errno == ECONNRESET) { break }
      guard got > 0 else { throw Command.Failed(description: "no end after \(String(decoding: bytes.prefix(500), as: UTF8.self))") }
      bytes += buffer[..<got]
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// A conversation over a connection.
  final class Stream: Sendable {
    private let descriptor: Int32
    private let queue = DispatchQueue(label: "raw-stream")
    private let state = Mutex((received: "", isClosed: false))

    init(_ descriptor: Int32) {
      self.descriptor = descriptor
      var limit = timeval(tv_sec: 30, tv_usec: 0)
      setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close() }

    func close() {
      state.withLock { state in
        if !state.isClosed { Glibc.close(descriptor) }
        state.isClosed = true
      }
    }

    func send(_ text: String) async throws {
      let bytes = Array(text.utf8)
      try await perform { [descriptor] in
        guard Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
          throw Command.Failed(description: "send: \(String(cString: strerror(errno)))")
        }
        return ""
      }
    }

    /// Everything up to and with `end`; what came after it is kept for the next call.
    func receive(until end: String) async throws -> String {
      try await perform { [self] in
        var text = state.withLock { $0.received }
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
          if let range = text.range(of: end) {
            state.withLock { $0.received = String(text[range.upperBound...]) }
            return String(text[..<range.upperBound])
          }
          let got = recv(descriptor, &buffer, buffer.count, 0)
          guard got > 0 else { throw Command.Failed(description: "no “\(end)” in “\(text)”") }
          text += String(decoding: buffer[..<got], as: UTF8.self)
        }
      }
    }

    @discardableResult
    private func perform(_ body: @escaping @Sendable () throws -> String) async throws -> String {
      try await withCheckedThrowingContinuation { continuation in
        queue.async { continuation.resume(with: Result { try body() }) }
      }
    }
  }
}
