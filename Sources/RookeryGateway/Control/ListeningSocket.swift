import Glibc
import RookeryModel

/// Descriptors that `host` handed over.
enum ListeningSocket {
  /// Makes a handed-over listener fit for an event loop.
  /// - Throws: `badRequest` when it is not a socket of that kind.
  static func prepare(_ descriptor: Int32, as kind: SandboxSocket) throws {
    let fits =
      switch kind {
      case .git, .model, .web, .names:
        option(SO_ACCEPTCONN, of: descriptor) == 1 && option(SO_TYPE, of: descriptor) == Int32(SOCK_STREAM.rawValue)
      case .datagrams:
        option(SO_DOMAIN, of: descriptor) == AF_INET && option(SO_TYPE, of: descriptor) == Int32(SOCK_DGRAM.rawValue)
      case .rejections: option(SO_DOMAIN, of: descriptor) == AF_NETLINK
      }
    guard fits else { throw RookeryError(.badRequest, "A descriptor that was handed over is not a socket for “\(kind.rawValue)”.") }
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
