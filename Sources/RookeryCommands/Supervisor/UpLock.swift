import Foundation
import Glibc
import RookeryModel

/// One supervisor a data directory: the kernel drops the lock with the process.
package struct UpLock: ~Copyable {
  private let descriptor: Int32

  /// Throws `conflict` when another process holds it.
  package init(_ layout: DataLayout) throws {
    descriptor = open(layout.upLock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else {
      throw RookeryError(
        .internal, "open(\(layout.upLock)) failed: \(String(cString: strerror(errno))).", mend: "Run this as root: “sudo rookery up”.")
    }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      close(descriptor)
      throw RookeryError(
        .conflict, "Rookery already runs for \(layout.data).", mend: "Stop it with “rookery down”, or use another --data directory.")
    }
  }

  deinit { close(descriptor) }

  /// Whether a supervisor runs.
  package static func isHeld(_ layout: DataLayout) -> Bool {
    let descriptor = open(layout.upLock, O_RDWR | O_CLOEXEC)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    return flock(descriptor, LOCK_EX | LOCK_NB) != 0
  }
}
