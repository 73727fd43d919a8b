import Foundation
import RookeryTestSupport

/// A TCP connection that reads only when told to, for tests of what the server does with slow and rude clients.
final class RawConnection: Sendable {
  private let descriptor: Int32

  init(port: Int, receiveBuffer: Int32? = nil) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    if var size = receiveBuffer { setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size)) }
    var timeout = timeval(tv_sec: 60, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    let connected = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
    }
    guard connected == 0 else { throw Command.Failure(errno) }
  }

  deinit { close(descriptor) }

  func send(_ text: String) { _ = Array(text.utf8).withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) } }

  /// Up to `limit` bytes; empty at the end. Blocks, on a thread of its own.
  func read(_ limit: Int = 1 << 16) async -> [UInt8] {
    await withCheckedContinuation { continuation in
      Thread.detachNewThread { [descriptor] in
        var buffer = [UInt8](repeating: 0, count: limit)
        let count = Foundation.read(descriptor, &buffer, limit)
        continuation.resume(returning: Array(buffer.prefix(max(0, count))))
      }
    }
  }

  /// Everything until the server closes.
  func readToEnd() async -> String {
    var all: [UInt8] = []
    while true {
      let bytes = await read()
      if bytes.isEmpty { return String(decoding: all, as: UTF8.self) }
      all += bytes
    }
  }
}

extension Command {
  struct Failure: Error {
    let code: Int32
    init(_ code: Int32) { self.code = code }
  }
}
