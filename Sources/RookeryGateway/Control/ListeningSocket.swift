import Glibc
import RookeryModel

/// Descriptors that `host` handed over.
enum ListeningSocket {
  /// Makes a handed-over listener fit for an event loop.
  /// - Throws: `badRequest` when it is not a listening stream socket.
  static func prepare(_ descriptor: Int32) throws {
    guard option(SO_ACCEPTCONN, of: descriptor) == 1, option(SO_TYPE, of: descriptor) == Int32(SOCK_STREAM.rawValue) else {
      throw RookeryError(.badRequest, "A descriptor that was handed over is not a listening socket.")
    }
    let flags = fcntl(descriptor, F_GETFL)
    guard flags >= 0, fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) == 0, fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 else {
      throw RookeryError(.internal, "A listening socket cannot be used.", context: "fcntl: \(String(cString: strerror(errno)))")
    }
  }

  private static func option(_ name: Int32, of descriptor: Int32) -> Int32? {
    var value: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    return getsockopt(descriptor, SOL_SOCKET, name, &value, &length) == 0 ? value : nil
  }
}
