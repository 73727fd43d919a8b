import Foundation
import Glibc
import RookeryControl
import RookeryModel

/// What is remembered of a sandbox beside its cgroup, so that a restarted host knows it again: `launches/ID.json`.
struct LaunchRecord: Codable, Equatable, Sendable {
  /// A process that can't be mistaken for a later one with the same number.
  struct Process: Codable, Equatable, Sendable {
    var pid: Int32
    /// Clock ticks since the machine started.
    var started: UInt64
  }

  var id: SandboxID
  var source: CreateSandbox.Source
  var limits: Limits
  var bundles: [AgentName]
  var created: Date
  /// The machine's boot in which it was started: none of its processes outlives that.
  var boot: String
  /// Process 1 of the sandbox; nil until it was started.
  var initProcess: Process?
  /// Whether it is meant to stand still; nil until it first was.
  var paused: Bool?
  /// Set once it was told that its time is nearly over.
  var warnedOfEnd: Bool?
  /// Set once `exited` was reported.
  var ended: String?
  /// Limits up to here were reported.
  var reported = SandboxCgroup.Counters()

  /// Seconds until its time is over.
  func runtimeLeft(now: Date = Date()) -> Double { created.timeIntervalSince(now) + Double(limits.runtimeSeconds) }

  /// The id of this boot.
  static func currentBoot() throws -> String {
    guard let text = CgroupFile.read("/proc/sys/kernel/random/boot_id") else {
      throw RookeryError(.hostUnsupported, "/proc/sys/kernel/random/boot_id can't be read.", mend: "Mount /proc.")
    }
    return text.trimmingCharacters(in: .whitespacesAndNewlines)
  }
}

extension LaunchRecord.Process {
  /// The living process `pid`; nil when there is none.
  init?(pid: Int32) {
    // pid (name) state … : the name may hold anything, so fields are counted from the last parenthesis.
    guard let text = CgroupFile.read("/proc/\(pid)/stat"), let end = text.lastIndex(of: ")") else { return nil }
    let fields = text[text.index(after: end)...].split(separator: " ")
    guard fields.count > 19, fields[0] != "Z", fields[0] != "X", let started = UInt64(fields[19]) else { return nil }
    self.init(pid: pid, started: started)
  }

  var isAlive: Bool { LaunchRecord.Process(pid: pid) == self }
}

/// The records of all sandboxes.
struct LaunchRecords: Sendable {
  let directory: Directory

  func write(_ record: LaunchRecord, durable: Bool = false) throws {
    try directory.write("\(record.id).json", JSON.encode(record), durable: durable)
  }

  func remove(_ id: SandboxID) throws { try directory.removeFile("\(id).json") }

  /// Every record that can be read. A broken one is left out: its sandbox is then treated as a leftover.
  func all() throws -> [LaunchRecord] {
    try directory.names().compactMap { name in
      guard name.hasSuffix(".json"), !name.hasPrefix("."), let data = try directory.read(name) else { return nil }
      return try? JSON.decode(LaunchRecord.self, from: data)
    }
  }
}
