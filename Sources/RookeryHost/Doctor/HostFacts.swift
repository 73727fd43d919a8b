import CSandbox
import Foundation
import Glibc

/// What the checks look at.
struct HostFacts {
  var kernelRelease: String
  var maximumUserNamespaces: Int?
  var fileSystems: String

  static func current() -> HostFacts {
    HostFacts(
      kernelRelease: line("/proc/sys/kernel/osrelease") ?? "",
      maximumUserNamespaces: line("/proc/sys/user/max_user_namespaces").flatMap { Int($0) },
      fileSystems: CgroupFile.read("/proc/filesystems") ?? "")
  }

  private static func line(_ path: String) -> String? {
    CgroupFile.read(path)?.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// Bytes free to root at the nearest existing parent of `path`.
  static func freeBytes(_ path: String) -> UInt64? {
    var status = statvfs()
    guard statvfs(existingParent(of: path), &status) == 0 else { return nil }
    return UInt64(status.f_bavail) * UInt64(status.f_frsize)
  }

  static func isBtrfs(_ path: String) -> Bool {
    guard let directory = try? Directory(path: existingParent(of: path)) else { return false }
    return cs_is_btrfs(directory.descriptor) != 0
  }

  /// What a data directory uses; nil for one that is new or can't be read.
  static func storage(_ path: String) -> StorageKind? {
    guard let data = try? Directory(path: path) else { return nil }
    return try? HostStorage.recorded(in: data)
  }

  private static func existingParent(of path: String) -> String {
    var path = path
    while path.count > 1, access(path, F_OK) != 0 { path = (path as NSString).deletingLastPathComponent }
    return path
  }
}
