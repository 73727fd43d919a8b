import Foundation
import Glibc
import RookeryControl
import RookeryModel

/// What the machine has, as the kernel tells.
enum HostMeasure {
  /// - Parameters:
  ///   - storage: a directory on each file system that holds layers and sandboxes: the fullest counts.
  ///   - promised: the limits of the sandboxes that live.
  static func capacity(of storage: [Directory], promised: [Limits]) throws -> HostCapacity {
    let memory = memory(CgroupFile.read("/proc/meminfo") ?? "")
    let disks = try storage.map { directory in
      var status = statvfs()
      guard fstatvfs(directory.descriptor, &status) == 0 else { throw RookeryError.system("statvfs", errno) }
      let block = UInt64(status.f_frsize)
      return (total: Int((UInt64(status.f_blocks) * block) >> 20), free: Int((UInt64(status.f_bavail) * block) >> 20))
    }
    return HostCapacity(
      memoryTotalMB: memory.total, memoryAvailableMB: memory.available, cpus: ProcessInfo.processInfo.activeProcessorCount,
      diskTotalMB: disks.map(\.total).min() ?? 0, diskFreeMB: disks.map(\.free).min() ?? 0,
      sandboxes: promised.count, promisedMemoryMB: sum(promised.map(\.memoryMB)),
      promisedCPUs: promised.map(\.cpus).reduce(0, +), promisedDiskMB: sum(promised.map(\.diskMB)))
  }

  /// MiB, from the text of /proc/meminfo. What is not told counts as nothing.
  static func memory(_ text: String) -> (total: Int, available: Int) {
    func value(_ key: String) -> Int {
      for line in text.split(separator: "\n") where line.hasPrefix(key + ":") {
        return line.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
      }
      return 0
    }
    return (value("MemTotal") >> 10, value("MemAvailable") >> 10)
  }

  /// Limits are as large as whoever asks wants them.
  private static func sum(_ values: [Int]) -> Int {
    values.reduce(0) { total, value in
      let (sum, overflow) = total.addingReportingOverflow(value)
      return overflow ? .max : sum
    }
  }
}
