import Foundation
import RookeryModel

/// What this machine grants at most to one sandbox, whatever is asked for.
struct LimitBounds: Sendable, Equatable {
  var memoryMB: Int
  var cpus: Double
  var processes = 32_768
  var diskMB = 4 << 20
  var runtimeSeconds = 30 * 86_400

  static func current() -> LimitBounds {
    let information = ProcessInfo.processInfo
    return LimitBounds(memoryMB: Int(information.physicalMemory >> 20), cpus: Double(information.processorCount))
  }

  /// `limits` cut down to what the machine has. Throws `badRequest` for limits under which nothing could run, or none at all.
  func apply(to limits: Limits) throws -> Limits {
    guard limits.memoryMB >= 32, limits.cpus.isFinite, limits.cpus >= 0.05, limits.processes >= 8, limits.diskMB >= 1,
      limits.runtimeSeconds >= 1
    else {
      throw RookeryError(
        .badRequest, "These limits are too small for a sandbox.",
        mend: "Give it at least 32 MiB of memory, 0.05 processors, 8 processes, 1 MiB of disk and 1 second.")
    }
    return Limits(
      memoryMB: min(limits.memoryMB, memoryMB), cpus: min(limits.cpus, cpus), processes: min(limits.processes, processes),
      diskMB: min(limits.diskMB, diskMB), runtimeSeconds: min(limits.runtimeSeconds, runtimeSeconds))
  }
}
