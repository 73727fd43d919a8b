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
  /// Files and directories that the sandbox may make.
  public var inodes: Int
  /// Descriptors that one process may have open.
  public var openFiles: Int
  /// KiB a second that its processes may write to stdout and stderr together; a burst of four seconds' worth is free.
  public var outputKBPerSecond: Int

  public init(
    memoryMB: Int = 4096, cpus: Double = 2, processes: Int = 4096, diskMB: Int = 10240, runtimeSeconds: Int = 3600,
    inodes: Int = 1_000_000, openFiles: Int = 16_384, outputKBPerSecond: Int = 8192
  ) {
    self.memoryMB = memoryMB
    self.cpus = cpus
    self.processes = processes
    self.diskMB = diskMB
    self.runtimeSeconds = runtimeSeconds
    self.inodes = inodes
    self.openFiles = openFiles
    self.outputKBPerSecond = outputKBPerSecond
  }

  /// A limit that is not named has its default: launch records of earlier versions have fewer.
  public init(from decoder: any Decoder) throws {
    self.init()
    let values = try decoder.container(keyedBy: CodingKeys.self)
    memoryMB = try values.decode(Int.self, forKey: .memoryMB)
    cpus = try values.decode(Double.self, forKey: .cpus)
    processes = try values.decode(Int.self, forKey: .processes)
    diskMB = try values.decode(Int.self, forKey: .diskMB)
    runtimeSeconds = try values.decode(Int.self, forKey: .runtimeSeconds)
    inodes = try values.decodeIfPresent(Int.self, forKey: .inodes) ?? inodes
    openFiles = try values.decodeIfPresent(Int.self, forKey: .openFiles) ?? openFiles
    outputKBPerSecond = try values.decodeIfPresent(Int.self, forKey: .outputKBPerSecond) ?? outputKBPerSecond
  }
}

/// A limit that was reached, by the name that people see.
public enum LimitName: String, Sendable, Codable, CaseIterable {
  case memory, cpu, processes, disk, runtime, output, journal
  /// Files and directories, and descriptors that one process has open.
  case inodes
  case openFiles = "open_files"
  /// Tokens or money that a session may spend on its model.
  case budget
}
