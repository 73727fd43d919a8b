import Foundation
import Glibc
import RookeryModel

/// A lock on a file: one process at a time. The kernel drops it with the process.
package final class FileLock: Sendable {
  private let descriptor: Int32

  /// Throws `conflict` with `message` and `mend` when another process holds it.
  package init(path: String, message: String, mend: String) throws {
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else {
      throw RookeryError(
        .internal, "open(\(path)) failed: \(String(cString: strerror(errno))).", mend: "Check the data directory and who runs this.")
    }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      throw RookeryError(.conflict, message, mend: mend)
    }
  }

  deinit { close(descriptor) }

  /// Whether a process holds it.
  package static func isHeld(path: String) -> Bool {
    let descriptor = open(path, O_RDWR | O_CLOEXEC)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    return flock(descriptor, LOCK_EX | LOCK_NB) != 0
  }
}

extension FileLock {
  /// One supervisor a data directory.
  package convenience init(supervisorOf layout: DataLayout) throws {
    try self.init(
      path: layout.upLock, message: "Rookery already runs for \(layout.data).",
      mend: "Stop it with “rookery down”, or use another --data directory.")
  }
}
