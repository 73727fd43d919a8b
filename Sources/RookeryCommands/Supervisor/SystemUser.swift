import Foundation
import Glibc
import RookeryModel

/// An account of this machine.
package struct SystemUser: Sendable, Equatable {
  package var name: String
  package var uid: UInt32
  package var gid: UInt32

  package init(name: String, uid: UInt32, gid: UInt32) {
    self.name = name
    self.uid = uid
    self.gid = gid
  }

  /// Nil when there is none of that name.
  package init?(named name: String) {
    var entry = passwd()
    var buffer = [CChar](repeating: 0, count: 16 << 10)
    var found: UnsafeMutablePointer<passwd>?
    guard getpwnam_r(name, &entry, &buffer, buffer.count, &found) == 0, found != nil else { return nil }
    self.init(name: name, uid: entry.pw_uid, gid: entry.pw_gid)
  }
}

/// The users that the processes run as.
package struct SystemUsers: Sendable, Equatable {
  package static let serveName = "rookery-serve"
  package static let gatewayName = "rookery-gateway"

  package var serve: SystemUser
  package var gateway: SystemUser

  package init(serve: SystemUser, gateway: SystemUser) {
    self.serve = serve
    self.gateway = gateway
  }

  /// Throws `hostUnsupported` when setup has not made them.
  package static func find() throws -> SystemUsers {
    func user(_ name: String) throws -> SystemUser {
      guard let user = SystemUser(named: name) else {
        throw RookeryError(
          .hostUnsupported, "There is no user “\(name)” on this machine.",
          mend: "Run scripts/setup.sh, or: useradd --system --user-group --no-create-home --shell /usr/sbin/nologin \(name)")
      }
      guard user.uid != 0 else {
        throw RookeryError(.hostUnsupported, "The user “\(name)” is root.", mend: "Give it a user id of its own.")
      }
      return user
    }
    return SystemUsers(serve: try user(serveName), gateway: try user(gatewayName))
  }
}
