import Foundation
import Glibc

/// A process that can't be mistaken for a later one with the same number.
package struct ProcessIdentity: Sendable, Codable, Equatable {
  package var pid: Int32
  /// Clock ticks since boot at which it started.
  package var started: UInt64
  package var boot: String

  /// Nil when no such process lives.
  package init?(pid: Int32) {
    guard let started = Self.startTime(of: pid) else { return nil }
    self.pid = pid
    self.started = started
    boot = Self.currentBoot
  }

  /// Whether that very process still lives (a zombie does not).
  package var isAlive: Bool { boot == Self.currentBoot && Self.startTime(of: pid) == started }

  /// Field 22 of /proc/PID/stat; the name in field 2 may hold spaces and parentheses.
  private static func startTime(of pid: Int32) -> UInt64? {
    guard let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8), let name = text.lastIndex(of: ")") else {
      return nil
    }
    let fields = text[text.index(after: name)...].split(separator: " ")
    guard fields.count > 19, fields[0] != "Z", fields[0] != "X" else { return nil }
    return UInt64(fields[19])
  }

  private static var currentBoot: String {
    ((try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8)) ?? "").trimmingCharacters(
      in: .whitespacesAndNewlines)
  }
}
