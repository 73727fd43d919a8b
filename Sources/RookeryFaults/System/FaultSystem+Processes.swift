import CFaults
import Foundation
import Glibc
import RookeryCommands
import RookeryModel
import RookeryTestSupport

/// The processes of this system and of its sandboxes, found by what they are, never by name alone.
extension FaultSystem {
  /// Our processes that run as `subcommand`; all of them when nil.
  func processes(_ subcommand: String? = nil) throws -> [pid_t] {
    try Self.everyProcess().filter { pid in
      let words = Self.words(of: pid)
      return words.count > 1 && words[0].hasSuffix("/rookery") && (subcommand == nil || words[1] == subcommand)
        && words.contains { $0.hasPrefix(directory.path) }
    }
  }

  /// What runs a sandbox, seen from outside: bubblewrap and the runner.
  func runners(of sandbox: SandboxID) throws -> [pid_t] {
    try Self.everyProcess().filter { Self.words(of: $0).contains(sandbox.rawValue) }
  }

  /// The processes of the agent's own user in a sandbox.
  func agents(of sandbox: SandboxID) throws -> [pid_t] {
    try Self.everyProcess().filter { pid in
      guard let groups = try? String(contentsOfFile: "/proc/\(pid)/cgroup", encoding: .utf8),
        groups.split(whereSeparator: { $0 == "/" || $0 == "\n" }).contains(where: { $0 == sandbox.rawValue }),
        let status = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
      else { return false }
      // Inside it is 1000; the sandbox's ids begin at 100000.
      return status.split(separator: "\n").contains { $0.hasPrefix("Uid:\t101000") }
    }
  }

  /// The sandboxes of which the host keeps a record.
  func sandboxes() throws -> Set<SandboxID> {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: data + "/host/launches")) ?? []
    return Set(names.filter { $0.hasSuffix(".json") }.compactMap { SandboxID(rawValue: String($0.dropLast(5))) })
  }

  /// Those that do not wait in the pool for a next session.
  func claimedSandboxes() async throws -> Set<SandboxID> {
    let before = try sandboxes()
    let pool = try await api.get("/v1/repositories/\(Self.repository)/pool", as: API.Pool.self)
    // One that the pool gave up meanwhile is gone from the second look.
    return try before.intersection(sandboxes()).subtracting(pool.sandboxes.filter { $0.state != .claimed }.map(\.sandbox))
  }

  /// Shuts every connection that a sandbox's runner has accepted, as a broken network would. Returns how many there were.
  func cutConnections(of sandbox: SandboxID) throws -> Int {
    let path = "\(data)/run/runners/\(sandbox).sock"
    let table = try String(contentsOfFile: "/proc/net/unix", encoding: .utf8)
    // Num RefCount Protocol Flags Type St Inode Path: state 03 is connected, and an accepted socket has its listener's path.
    let inodes = Set(
      table.split(separator: "\n").compactMap { line -> String? in
        let fields = line.split(separator: " ")
        return fields.count > 7 && fields[5] == "03" && fields[7].hasSuffix(path) ? String(fields[6]) : nil
      })
    var cut = 0
    for pid in try runners(of: sandbox) {
      for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd")) ?? [] {
        guard let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/fd/\(name)"),
          target.hasPrefix("socket:["), inodes.contains(String(target.dropFirst(8).dropLast())), let number = Int32(name)
        else { continue }
        if rookery_shutdown_of(pid, number) == 0 { cut += 1 }
      }
    }
    return cut
  }

  private static func everyProcess() throws -> [pid_t] {
    try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { pid_t($0) }
  }

  private static func words(of pid: pid_t) -> [String] {
    guard let data = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") else { return [] }
    return data.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
  }
}
