import CSandbox
import Foundation
import Glibc
import RookeryControl
import RookeryModel

/// One sandbox's cgroups: the same name in every hierarchy.
struct SandboxCgroup: Sendable {
  /// The parent of all sandboxes' cgroups in each hierarchy.
  static let parentName = "rookery"

  let layout: CgroupLayout
  let id: SandboxID

  /// How often the kernel held the sandbox to a limit since it was made.
  struct Counters: Sendable, Codable, Equatable {
    var memory = 0
    var processes = 0
  }

  private func path(_ hierarchy: CgroupLayout.Hierarchy?) -> String? {
    hierarchy.map { "\($0.path)/\(Self.parentName)/\(id)" }
  }

  /// Makes the cgroups with their limits. Swap is never given: a sandbox at its limit is to end, not to crawl.
  ///
  /// Throws `conflict` when cgroups of that name exist: another data directory's host has a sandbox of this id.
  func make(_ limits: Limits) throws {
    var made: [String] = []
    do {
      for hierarchy in layout.hierarchies {
        let path = "\(hierarchy.path)/\(Self.parentName)/\(id)"
        var isMade = mkdir(path, 0o755) == 0
        if !isMade, errno == ENOENT {
          // Another host ended and took the empty parent with it.
          try layout.prepare()
          isMade = mkdir(path, 0o755) == 0
        }
        guard isMade else {
          if errno == EEXIST {
            throw RookeryError(.conflict, "Another Rookery on this machine has a sandbox \(id).", mend: "Use a new id.")
          }
          throw RookeryError.system("mkdir(\(path))", errno)
        }
        made.append(path)
      }
      try setLimits(limits)
    } catch {
      for path in made { rmdir(path) }
      throw error
    }
  }

  private func setLimits(_ limits: Limits) throws {
    if let memory = layout.memory, let path = path(memory) {
      let bytes = String(limits.memoryMB << 20)
      try CgroupFile.write(bytes, to: path + (memory.isUnified ? "/memory.max" : "/memory.limit_in_bytes"))
      // Absent without swap accounting; then there is nothing to bound.
      _ = CgroupFile.tryWrite(
        memory.isUnified ? "0" : bytes, to: path + (memory.isUnified ? "/memory.swap.max" : "/memory.memsw.limit_in_bytes"))
    }
    if let path = path(layout.processes) { try CgroupFile.write(String(limits.processes), to: path + "/pids.max") }
    if let cpu = layout.cpu, let path = path(cpu) {
      let period = 100_000
      let quota = max(1000, Int(limits.cpus * Double(period)))
      if cpu.isUnified {
        try CgroupFile.write("\(quota) \(period)", to: path + "/cpu.max")
      } else {
        try CgroupFile.write(String(period), to: path + "/cpu.cfs_period_us")
        try CgroupFile.write(String(quota), to: path + "/cpu.cfs_quota_us")
      }
    }
  }

  /// Descriptors through which a launcher joins: a v2 directory to be born in, and v1 `tasks` files to write “0” to.
  func openForLaunch() throws -> (unified: OwnedDescriptor?, tasks: [OwnedDescriptor]) {
    var unified: OwnedDescriptor?
    var tasks: [OwnedDescriptor] = []
    for hierarchy in layout.hierarchies {
      let path = "\(hierarchy.path)/\(Self.parentName)/\(id)"
      if hierarchy.isUnified {
        unified = try OwnedDescriptor(opening: path, O_RDONLY | O_DIRECTORY)
      } else {
        tasks.append(try OwnedDescriptor(opening: path + "/tasks", O_WRONLY))
      }
    }
    return (unified, tasks)
  }

  var counters: Counters {
    var counters = Counters()
    if let memory = layout.memory, let path = path(memory) {
      counters.memory = CgroupFile.counter("oom_kill", in: path + (memory.isUnified ? "/memory.events" : "/memory.oom_control")) ?? 0
    }
    if let path = path(layout.processes) { counters.processes = CgroupFile.counter("max", in: path + "/pids.events") ?? 0 }
    return counters
  }

  /// Bytes that the sandbox's processes keep for themselves: page cache, which the kernel takes back at need, is left out. Nil
  /// without a memory controller.
  var privateMemory: Int? {
    guard let memory = layout.memory, let path = path(memory) else { return nil }
    let file = path + "/memory.stat"
    return CgroupFile.counter(memory.isUnified ? "anon" : "rss", in: file).map { $0 + (CgroupFile.counter("shmem", in: file) ?? 0) }
  }

  /// Microseconds for which processes were held to their share of processor time; nil when it isn't told.
  var throttledTime: Int? {
    guard let cpu = layout.cpu, let path = path(cpu) else { return nil }
    if cpu.isUnified { return CgroupFile.counter("throttled_usec", in: path + "/cpu.stat") }
    return CgroupFile.counter("throttled_time", in: path + "/cpu.stat").map { $0 / 1000 }
  }

  /// Freezes every process; returns when all of them stand still. Throws `sandboxFailed` when they don't within 10 s.
  func freeze() throws { try setFrozen(true) }
  func thaw() throws { try setFrozen(false) }

  var isFrozen: Bool {
    guard let freezer = layout.freezer, let path = path(freezer) else { return false }
    if freezer.isUnified { return CgroupFile.read(path + "/cgroup.freeze")?.hasPrefix("1") == true }
    return CgroupFile.read(path + "/freezer.state")?.hasPrefix("THAWED") == false
  }

  private func setFrozen(_ frozen: Bool) throws {
    guard let freezer = layout.freezer, let path = path(freezer) else { return }
    if freezer.isUnified {
      try CgroupFile.write(frozen ? "1" : "0", to: path + "/cgroup.freeze")
    } else {
      try CgroupFile.write(frozen ? "FROZEN" : "THAWED", to: path + "/freezer.state")
    }
    let deadline = ContinuousClock.now + .seconds(10)
    func reached() -> Bool {
      freezer.isUnified
        ? CgroupFile.counter("frozen", in: path + "/cgroup.events") == (frozen ? 1 : 0)
        : CgroupFile.read(path + "/freezer.state")?.hasPrefix(frozen ? "FROZEN" : "THAWED") == true
    }
    while !reached() {
      guard ContinuousClock.now < deadline else {
        throw RookeryError(.sandboxFailed, "The sandbox could not be \(frozen ? "paused" : "resumed").", mend: "Try again.")
      }
      usleep(1000)
    }
  }

  /// Every process in any of the cgroups.
  func processes() -> Set<pid_t> {
    var found: Set<pid_t> = []
    for hierarchy in layout.hierarchies {
      let text = CgroupFile.read("\(hierarchy.path)/\(Self.parentName)/\(id)/cgroup.procs") ?? ""
      found.formUnion(text.split(separator: "\n").compactMap { pid_t($0) })
    }
    // 0: a process outside our own process namespace, which no signal of ours reaches anyway.
    found.remove(0)
    return found
  }

  /// Kills everything and removes the cgroups. Repeats until nothing is left, at most 30 s; then `sandboxFailed`.
  func kill() throws {
    let deadline = ContinuousClock.now + .seconds(30)
    while true {
      killOnce()
      if removeDirectories() { return }
      guard ContinuousClock.now < deadline else {
        throw RookeryError(
          .sandboxFailed, "Processes of sandbox \(id) can't be ended.", mend: "Look for processes in state D; restart the machine.",
          context: "pids \(processes().sorted())")
      }
      usleep(1000)
    }
  }

  private func killOnce() {
    // The kernel kills by cgroup where it can (5.14): every process is in the unified one, and no number can be mistaken.
    let killed = path(layout.unified).map { CgroupFile.tryWrite("1", to: $0 + "/cgroup.kill") == 0 } ?? false
    if !killed { for process in processes() { _ = Glibc.kill(process, SIGKILL) } }
    // Signals wait while a version 1 freezer holds; thawed after they were sent, nothing runs in between.
    if let freezer = layout.freezer, !freezer.isUnified, let path = path(freezer) {
      _ = CgroupFile.tryWrite("THAWED", to: path + "/freezer.state")
    }
  }

  /// False while one is still in use.
  private func removeDirectories() -> Bool {
    layout.hierarchies.allSatisfy { hierarchy in
      rmdir("\(hierarchy.path)/\(Self.parentName)/\(id)") == 0 || errno == ENOENT
    }
  }
}
