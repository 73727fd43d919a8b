import Foundation
import Glibc
import RookeryModel

extension DataLayout {
  /// Makes what is missing and sets owners and modes right. Needs root; repeatable.
  package func prepare(users: SystemUsers) throws {
    for place in places {
      let owner =
        switch place.owner {
        case .root: SystemUser(name: "root", uid: 0, gid: 0)
        case .serve: users.serve
        case .gateway: users.gateway
        }
      try Self.make(place, owner: owner)
    }
    try link(apiSocket, to: "serve/api.sock")
    try checkReachable()
  }

  private static func make(_ place: Place, owner: SystemUser) throws {
    do {
      try FileManager.default.createDirectory(atPath: place.path, withIntermediateDirectories: true)
    } catch {
      throw RookeryError(.internal, "The directory \(place.path) can't be made.", mend: "Check its parent.", context: "\(error)")
    }
    // By descriptor and without following a link at its end: the one that is looked at is the one that is changed.
    let descriptor = open(place.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
    guard descriptor >= 0 else { throw failure("open", place.path) }
    defer { close(descriptor) }
    guard fchown(descriptor, owner.uid, owner.gid) == 0 else { throw failure("chown", place.path) }
    guard fchmod(descriptor, mode_t(place.mode)) == 0 else { throw failure("chmod", place.path) }
  }

  private func link(_ path: String, to target: String) throws {
    if (try? FileManager.default.destinationOfSymbolicLink(atPath: path)) == target { return }
    unlink(path)
    guard symlink(target, path) == 0 else { throw Self.failure("symlink", path) }
  }

  /// The system users must get through every parent of the data directory.
  private func checkReachable() throws {
    var path = URL(fileURLWithPath: data).deletingLastPathComponent()
    while true {
      let mode = try FileManager.default.attributesOfItem(atPath: path.path)[.posixPermissions] as? Int ?? 0
      guard mode & 0o001 != 0 else {
        throw RookeryError(
          .configurationInvalid, "Rookery's users can't reach \(data): \(path.path) is closed to them.",
          mend: "Choose another data directory with --data, or run: chmod o+x \(path.path)")
      }
      guard path.path != "/" else { return }
      path.deleteLastPathComponent()
    }
  }

  private static func failure(_ step: String, _ path: String) -> RookeryError {
    RookeryError(
      .internal, "\(step)(\(path)) failed: \(String(cString: strerror(errno))).", mend: "Check the data directory and that you are root.")
  }
}
