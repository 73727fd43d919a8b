import Glibc
import RookeryControl
import RookeryModel

/// Moves a tree's owners into the sandboxes' id range: 0 becomes 100000, and so on.
enum BaseOwnership {
  /// Files that are in the range already stay: a hard link is met once for each of its names.
  static func shift(_ tree: Directory) throws {
    try TreeWalk.forEach(in: tree.descriptor) { parent, name, status in
      guard status.st_uid < IDRange.count, status.st_gid < IDRange.count else { return }
      guard fchownat(parent, name, status.st_uid + IDRange.first, status.st_gid + IDRange.first, AT_SYMLINK_NOFOLLOW) == 0 else {
        throw RookeryError.system("chown(base)", errno)
      }
      // A change of owner clears set-id bits.
      guard status.st_mode & S_IFMT != S_IFLNK, status.st_mode & 0o6000 != 0 else { return }
      guard fchmodat(parent, name, status.st_mode & 0o7777, 0) == 0 else { throw RookeryError.system("chmod(base)", errno) }
    }
    guard fchown(tree.descriptor, IDRange.first, IDRange.first) == 0 else { throw RookeryError.system("chown(base)", errno) }
  }
}
