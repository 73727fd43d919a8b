import Glibc
import RookeryModel

/// Finds a TCP port of the loopback address that nobody uses. Somebody may take it before it is used; then using it fails.
enum FreePort {
  static func find() throws -> Int {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { throw failure("socket") }
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let result = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
        bind(descriptor, generic, length) == 0 ? getsockname(descriptor, generic, &length) : -1
      }
    }
    guard result == 0 else { throw failure("bind") }
    return Int(UInt16(bigEndian: address.sin_port))
  }

  private static func failure(_ step: String) -> RookeryError {
    RookeryError(
      .internal, "\(step) failed while looking for a free port: \(String(cString: strerror(errno))).", mend: "Name one with --port.")
  }
}
