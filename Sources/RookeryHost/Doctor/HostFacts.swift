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

  static func device(_ path: String) -> UInt64? {
    var status = stat()
    return stat(existingParent(of: path), &status) == 0 ? UInt64(status.st_dev) : nil
  }

  private static func existingParent(of path: String) -> String {
    var path = path
    while path.count > 1, access(path, F_OK) != 0 { path = (path as NSString).deletingLastPathComponent }
    return path
  }
}
