import Glibc
import NIOCore
import RookeryModel

/// Where a redirected connection was meant to go.
struct OriginalDestination: Equatable, Sendable {
  var address: IPAddress
  var port: Int

  /// Asks the kernel (SO_ORIGINAL_DST); nil when the connection was not redirected.
  static func of(_ channel: any Channel) async -> OriginalDestination? {
    guard let options = channel as? any SocketOptionProvider else { return nil }
    // SO_ORIGINAL_DST and IP6T_SO_ORIGINAL_DST have the same number.
    let name = NIOBSDSocket.Option(rawValue: 80)
    let four: EventLoopFuture<sockaddr_in> = options.unsafeGetSocketOption(level: .ip, name: name)
    if let four = try? await four.get(), four.sin_family == sa_family_t(AF_INET) {
      guard let address = withUnsafeBytes(of: four.sin_addr, { IPAddress(bytes: Array($0)) }) else { return nil }
      return OriginalDestination(address: address, port: Int(UInt16(bigEndian: four.sin_port)))
    }
    let six: EventLoopFuture<sockaddr_in6> = options.unsafeGetSocketOption(level: .ipv6, name: name)
    guard let six = try? await six.get(), six.sin6_family == sa_family_t(AF_INET6),
      let address = withUnsafeBytes(of: six.sin6_addr, { IPAddress(bytes: Array($0)) })
    else { return nil }
    return OriginalDestination(address: address, port: Int(UInt16(bigEndian: six.sin6_port)))
  }
}
