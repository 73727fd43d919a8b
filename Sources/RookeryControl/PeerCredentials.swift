import CSandbox
import RookeryModel

/// Who is at the other end of a Unix socket, as the kernel recorded it when the socket was connected (or made to listen).
package struct PeerCredentials: Sendable, Equatable {
  package var pid: Int32
  package var uid: UInt32
  package var gid: UInt32

  package init(pid: Int32, uid: UInt32, gid: UInt32) {
    self.pid = pid
    self.uid = uid
    self.gid = gid
  }

  init(of socket: Int32) throws {
    self.init(pid: 0, uid: .max, gid: .max)
    let error = cs_peer_credentials(socket, &pid, &uid, &gid)
    guard error == 0 else { throw RookeryError.system("getsockopt(SO_PEERCRED)", error) }
  }
}
