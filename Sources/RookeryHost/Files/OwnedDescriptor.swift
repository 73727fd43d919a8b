import CSandbox
import Glibc
import RookeryControl
import RookeryModel

/// A descriptor that is closed when the last reference goes.
final class OwnedDescriptor: Sendable {
  let number: Int32

  init(adopting number: Int32) { self.number = number }

  /// Opens a path of ours or the kernel's, close-on-exec.
  init(opening path: String, _ flags: Int32) throws {
    number = open(path, flags | O_CLOEXEC)
    guard number >= 0 else { throw RookeryError.system("open(\(path))", errno) }
  }

  deinit { close(number) }

  /// A pipe's two ends, close-on-exec.
  static func pipe() throws -> (read: OwnedDescriptor, write: OwnedDescriptor) {
    var (reading, writing): (Int32, Int32) = (-1, -1)
    let error = cs_pipe(&reading, &writing)
    guard error == 0 else { throw RookeryError.system("pipe", error) }
    return (OwnedDescriptor(adopting: reading), OwnedDescriptor(adopting: writing))
  }
}
