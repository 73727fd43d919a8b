import NIOCore

#if canImport(Glibc)
  import Glibc
#endif

/// The user at the other end of a Unix socket, as the kernel knows it.
enum PeerUser {
  /// The layout of Linux' `struct ucred`.
  private struct Credentials: Sendable {
    var pid: Int32
    var uid: UInt32
    var gid: UInt32
  }

  /// The peer's uid; nil unless the channel is a connection over a Unix socket. (A TCP socket answers the same question with
  /// uid -1 and no error, so the family is looked at first.)
  static func id(of channel: any Channel) async -> UInt32? {
    guard channel.localAddress?.protocol == .unix, let provider = channel as? any SocketOptionProvider else { return nil }
    let credentials: EventLoopFuture<Credentials> = provider.unsafeGetSocketOption(level: .socket, name: .init(rawValue: SO_PEERCRED))
    guard let peer = try? await credentials.get(), peer.pid > 0 else { return nil }
    return peer.uid
  }
}
