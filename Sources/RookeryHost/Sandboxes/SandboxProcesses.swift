import Foundation
import Glibc

/// Names what a sandbox's processes do, as /proc tells from outside. Processes that end meanwhile are left out.
struct SandboxProcesses {
  private let pids: Set<pid_t>

  init(_ pids: Set<pid_t>) { self.pids = pids }

  /// The program that most of them run.
  var mostFrequent: String? {
    var counts: [String: Int] = [:]
    for pid in pids { if let name = Self.name(pid) { counts[name, default: 0] += 1 } }
    return counts.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key
  }

  /// The program of the process that used most processor time so far.
  var busiest: String? {
    pids.compactMap { pid in Self.time(pid).map { (pid, $0) } }.max { $0.1 < $1.1 }.flatMap { Self.name($0.0) }
  }

  /// The program of a process with that many descriptors open. Kernels before 6.2 don't tell.
  func first(withOpenFiles count: Int) -> String? {
    for pid in pids {
      var status = stat()
      if stat("/proc/\(pid)/fd", &status) == 0, status.st_size >= count, let name = Self.name(pid) { return name }
    }
    return nil
  }

  /// What a process calls itself, which is at most 15 bytes of anything: control characters are left out.
  static func name(_ pid: pid_t) -> String? {
    guard let text = CgroupFile.read("/proc/\(pid)/comm") else { return nil }
    let name = String(String.UnicodeScalarView(text.unicodeScalars.filter { $0.properties.generalCategory != .control }))
    return name.isEmpty ? nil : name
  }

  private static func time(_ pid: pid_t) -> Int? {
    guard let text = CgroupFile.read("/proc/\(pid)/stat"), let end = text.lastIndex(of: ")") else { return nil }
    let fields = text[text.index(after: end)...].split(separator: " ")
    guard fields.count > 12, let user = Int(fields[11]), let system = Int(fields[12]) else { return nil }
    return user + system
  }
}

/// Tells once when a sandbox was held to its share of processor time for a while, not when it is for a moment.
struct ThrottleGauge: Equatable, Sendable {
  /// Looks, about one a second, in each of which it was held back.
  static let patience = 30

  private var last: Int?
  private var run = 0
  private var isTold = false

  /// `time`: microseconds that it was held back so far; nil when not told. True when that is to be told now.
  mutating func observe(_ time: Int?) -> Bool {
    defer { last = time }
    guard !isTold, let time, let last else { return false }
    // A tenth of a look.
    run = time - last >= 100_000 ? run + 1 : 0
    isTold = run >= Self.patience
    return isTold
  }
}
