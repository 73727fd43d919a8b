import Foundation

/// What one sandbox may use. Each bound is enforced by the kernel or the provider.
public struct Limits: Sendable, Codable, Equatable {
  /// MiB of memory, page cache of its own files included.
  public var memoryMB: Int
  /// Processors' worth of time; 2 means 200 % of one.
  public var cpus: Double
  /// Tasks (processes and threads) at once.
  public var processes: Int
  /// MiB that the sandbox may write.
  public var diskMB: Int
  /// Seconds until the sandbox is stopped.
  public var runtimeSeconds: Int

  public init(memoryMB: Int = 4096, cpus: Double = 2, processes: Int = 4096, diskMB: Int = 10240, runtimeSeconds: Int = 3600) {
    self.memoryMB = memoryMB
    self.cpus = cpus
    self.processes = processes
    self.diskMB = diskMB
    self.runtimeSeconds = runtimeSeconds
  }
}

/// A limit that was reached, by the name that people see.
public enum LimitName: String, Sendable, Codable, CaseIterable {
  case memory, cpu, processes, disk, runtime, output, journal
  /// Tokens or money that a session may spend on its model.
  case budget
}
