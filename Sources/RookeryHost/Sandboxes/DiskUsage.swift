import Glibc
import RookeryModel

/// What a tree takes on the disk.
struct DiskUsage: Sendable, Equatable {
  var bytes = 0
  var files = 0

  func exceeds(megabytes: Int) -> Bool { bytes >> 20 >= megabytes }

  /// Adds up the tree below `directory`, which a sandbox may be changing; stops once it exceeds the limit.
  ///
  /// A file with several names counts once for each, like the directory entries that it needs: never less than it takes.
  static func measure(_ directory: Directory, limitMB: Int, limitFiles: Int = 10_000_000) -> DiskUsage {
    var usage = DiskUsage()
    // Too deep, or vanishing under our feet: what was seen until then counts, and the next look sees it again.
    try? TreeWalk.forEach(in: directory.descriptor) { _, _, status in
      usage.bytes += Int(status.st_blocks) * 512
      usage.files += 1
      if usage.exceeds(megabytes: limitMB) || usage.files > limitFiles { throw Exceeded() }
    }
    return usage
  }

  private struct Exceeded: Error {}
}
