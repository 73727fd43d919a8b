import Foundation
import Glibc
import RookeryModel

/// Who started this, behind sudo where that was used.
package struct Invoker: Sendable, Equatable {
  /// Their uid; nil when it is root itself.
  package let uid: UInt32?
  /// What the machine knows of them.
  package let author: API.NamedAuthor

  package init(environment: [String: String]) {
    let name = environment["SUDO_USER"].flatMap { $0.isEmpty || $0 == "root" ? nil : $0 }
    let account = name.flatMap(SystemUser.init(named:))
    uid = account?.uid
    var host = [CChar](repeating: 0, count: 256)
    gethostname(&host, host.count - 1)
    let hostName = String(decoding: host.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let user = account?.name ?? "admin"
    author = API.NamedAuthor(
      name: environment["GIT_AUTHOR_NAME"] ?? (account == nil ? "Admin" : user),
      email: environment["GIT_AUTHOR_EMAIL"] ?? "\(user)@\(hostName.isEmpty ? "localhost" : hostName)")
  }
}
