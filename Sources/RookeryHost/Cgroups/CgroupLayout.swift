import Foundation
import Glibc
import RookeryModel

/// Which cgroup hierarchy of this machine carries what: version 1, version 2, or both side by side.
struct CgroupLayout: Sendable, Equatable {
  enum Version: Sendable, Equatable { case one, two }

  /// A mounted hierarchy.
  struct Hierarchy: Sendable, Hashable {
    var path: String
    var isUnified: Bool
  }

  var memory: Hierarchy?
  var processes: Hierarchy?
  var cpu: Hierarchy?
  /// Freezes, and on version 2 kills.
  var freezer: Hierarchy?
  var unified: Hierarchy?

  /// From the text of `/proc/self/mountinfo`; `controllers` gives `cgroup.controllers` of a unified hierarchy's path.
  init(mountInfo: String, controllers: (String) -> Set<String>) {
    var versionOne: [String: Hierarchy] = [:]
    for line in mountInfo.split(separator: "\n") {
      // …  root mountpoint options [optional fields] - type source superoptions
      let halves = line.components(separatedBy: " - ")
      let fields = halves[0].split(separator: " ")
      guard halves.count == 2, fields.count >= 6 else { continue }
      let tail = halves[1].split(separator: " ")
      guard tail.count >= 3 else { continue }
      let path = String(fields[4])
      if tail[0] == "cgroup2", unified == nil { unified = Hierarchy(path: path, isUnified: true) }
      guard tail[0] == "cgroup" else { continue }
      for option in tail[2].split(separator: ",") where versionOne[String(option)] == nil {
        versionOne[String(option)] = Hierarchy(path: path, isUnified: false)
      }
    }
    let unifiedControllers = unified.map { controllers($0.path) } ?? []
    func hierarchy(_ controller: String) -> Hierarchy? {
      unifiedControllers.contains(controller) ? unified : versionOne[controller]
    }
    memory = hierarchy("memory")
    processes = hierarchy("pids")
    cpu = hierarchy("cpu")
    freezer = unified ?? versionOne["freezer"]
  }

  /// This machine's.
  static func current() throws -> CgroupLayout {
    guard let text = try? String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8) else {
      throw RookeryError(.hostUnsupported, "/proc/self/mountinfo can't be read.", mend: "Mount /proc.")
    }
    return CgroupLayout(mountInfo: text) { path in
      let text = (try? String(contentsOfFile: path + "/cgroup.controllers", encoding: .utf8)) ?? ""
      return Set(text.split(whereSeparator: \.isWhitespace).map(String.init))
    }
  }

  /// Every hierarchy that a sandbox needs a place in.
  var hierarchies: [Hierarchy] {
    var seen: Set<Hierarchy> = []
    return [memory, processes, cpu, freezer, unified].compactMap { $0 }.filter { seen.insert($0).inserted }
  }

  /// Controllers without which a sandbox would be without a bound, by the kernel's names.
  var missing: [String] {
    [("memory", memory), ("pids", processes), ("cpu", cpu), ("freezer", freezer)].filter { $0.1 == nil }.map(\.0)
  }

  /// “v1”, “v2” or “hybrid”, for people.
  var name: String {
    guard unified != nil else { return "v1" }
    return hierarchies.allSatisfy(\.isUnified) ? "v2" : "hybrid"
  }

  /// Removes the parent of all sandboxes' cgroups where nothing is in it. Other hosts of this machine make it again when they need it.
  func release() {
    for hierarchy in hierarchies { rmdir(hierarchy.path + "/" + SandboxCgroup.parentName) }
  }

  /// Makes the parent of all sandboxes' cgroups and delegates the controllers to it.
  func prepare() throws {
    guard missing.isEmpty else {
      throw RookeryError(
        .hostUnsupported, "The kernel's cgroup controllers \(missing.joined(separator: ", ")) are not mounted.",
        mend: "Boot with systemd, or mount them under /sys/fs/cgroup.")
    }
    for hierarchy in hierarchies {
      let parent = hierarchy.path + "/" + SandboxCgroup.parentName
      try CgroupFile.makeDirectory(parent)
      guard hierarchy.isUnified else { continue }
      let wanted = [("memory", memory), ("pids", processes), ("cpu", cpu)].filter { $0.1 == hierarchy }.map { "+" + $0.0 }
      guard !wanted.isEmpty else { continue }
      for path in [hierarchy.path, parent] {
        try CgroupFile.write(wanted.joined(separator: " "), to: path + "/cgroup.subtree_control")
      }
    }
  }
}
