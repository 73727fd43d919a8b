import Foundation
import Glibc
import RookeryModel

/// Finds which program of a sandbox has a socket, as /proc tells from outside. All that it reads is made by the sandbox: it is bounded
/// in bytes, in descriptors and in time.
struct SocketOwner {
  private static let tableLimit = 4 << 20
  private static let descriptorLimit = 50_000

  /// Process 1 of the sandbox, whose network is the sandbox's.
  let initProcess: pid_t
  let processes: Set<pid_t>
  let deadline: ContinuousClock.Instant

  /// Blocks. Nil when it can't be told in time, or no longer.
  func program(of peer: SandboxPeer) -> String? {
    let inodes = ["", "6"].reduce(into: Set<Substring>()) { found, family in
      let table = CgroupFile.read("/proc/\(initProcess)/net/\(peer.transport.rawValue)\(family)", limit: Self.tableLimit) ?? ""
      found.formUnion(Self.inodes(of: peer.port, in: table))
    }
    guard !inodes.isEmpty else { return nil }
    let wanted = Set(inodes.map { "socket:[\($0)]" })
    var left = Self.descriptorLimit
    // The newest first: what was refused just now is more likely theirs than a server's.
    for pid in processes.sorted(by: >) where pid != initProcess {
      guard ContinuousClock.now < deadline else { return nil }
      if holds(pid, wanted, &left) { return SandboxProcesses.name(pid) }
      guard left > 0 else { return nil }
    }
    return nil
  }

  /// The inodes of the sockets with this local port in a table of /proc/net (proc(5)): fields 2 and 3 are `ADDRESS:PORT` of both ends
  /// in hexadecimal, field 10 the inode.
  static func inodes(of port: Int, in table: String) -> Set<Substring> {
    let suffix = ":" + String(repeating: "0", count: max(0, 4 - String(port, radix: 16).count)) + String(port, radix: 16).uppercased()
    var found: Set<Substring> = []
    for line in table.split(separator: "\n").dropFirst() {
      let fields = line.split(separator: " ", maxSplits: 10)
      if fields.count > 9, fields[1].hasSuffix(suffix), fields[9] != "0" { found.insert(fields[9]) }
    }
    return found
  }

  private func holds(_ pid: pid_t, _ wanted: Set<String>, _ left: inout Int) -> Bool {
    guard let directory = opendir("/proc/\(pid)/fd") else { return false }
    defer { closedir(directory) }
    var target = [CChar](repeating: 0, count: 64)
    while left > 0, let entry = readdir(directory) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      guard name.first?.isNumber == true else { continue }
      left -= 1
      let count = readlinkat(dirfd(directory), name, &target, target.count)
      guard count > 0 else { continue }
      if wanted.contains(String(decoding: target.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)) { return true }
    }
    return false
  }
}
