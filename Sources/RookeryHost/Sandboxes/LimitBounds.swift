import Foundation
import Glibc
import RookeryModel

/// What this machine grants at most to one sandbox, whatever is asked for.
struct LimitBounds: Sendable, Equatable {
  var memoryMB: Int
  var cpus: Double
  var processes = 32_768
  var diskMB = 4 << 20
  var runtimeSeconds = 30 * 86_400
  var inodes = 10_000_000
  /// What this process could raise its own to: sandboxes inherit it, and can have no more.
  var openFiles = 1 << 20
  var outputKBPerSecond = 1 << 20

  static func current() -> LimitBounds {
    let information = ProcessInfo.processInfo
    var bounds = LimitBounds(memoryMB: Int(information.physicalMemory >> 20), cpus: Double(information.processorCount))
    var files = rlimit()
    if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &files) == 0 {
      bounds.openFiles = Int(min(UInt64(files.rlim_max), UInt64(bounds.openFiles)))
    }
    return bounds
  }

  /// `limits` cut down to what the machine has. Throws `badRequest` for limits under which nothing could run, or none at all.
  func apply(to limits: Limits) throws -> Limits {
    guard limits.memoryMB >= 32, limits.cpus.isFinite, limits.cpus >= 0.05, limits.processes >= 8, limits.diskMB >= 1,
      limits.runtimeSeconds >= 1, limits.inodes >= 16, limits.openFiles >= 64, limits.outputKBPerSecond >= 1
    else {
      throw RookeryError(
        .badRequest, "These limits are too small for a sandbox.",
        mend:
          "Give it at least 32 MiB of memory, 0.05 processors, 8 processes, 1 MiB of disk, 16 files, 64 open files, 1 KiB of output a second and 1 second."
      )
    }
    return Limits(
      memoryMB: min(limits.memoryMB, memoryMB), cpus: min(limits.cpus, cpus), processes: min(limits.processes, processes),
      diskMB: min(limits.diskMB, diskMB), runtimeSeconds: min(limits.runtimeSeconds, runtimeSeconds),
      inodes: min(limits.inodes, inodes), openFiles: min(limits.openFiles, openFiles),
      outputKBPerSecond: min(limits.outputKBPerSecond, outputKBPerSecond))
  }
}
