import CSandbox
import Foundation
import Glibc
import Logging
import RookeryControl
import RookeryModel
import Synchronization

/// Agents installed on this machine: `C/agents/NAME/{fs,manifest.json}`, bound read-only into sandboxes.
///
/// A new version replaces the old in one exchange of names; sandboxes that mounted the old one keep it, and it is removed once
/// no process sees it any more.
final class BundleStore: Sendable {
  private static let treeName = "fs"
  private static let manifestName = "manifest.json"
  private static let retiredName = ".retired"

  private let path: String
  private let directory: Directory
  private let retired: Directory
  private let log: Logger
  private let publishing = Mutex(())

  init(cacheDirectory: String, log: Logger) throws {
    path = cacheDirectory + "/agents"
    directory = try Directory.make(path: path, mode: 0o755)
    if !directory.exists(Self.retiredName) { try directory.makeDirectory(Self.retiredName, mode: 0o700) }
    retired = try directory.existing(Self.retiredName)
    self.log = log
    sweep()
  }

  /// The tree of a bundle. Throws `agentNotInstalled`.
  func tree(of agent: AgentName) throws -> String {
    guard try directory.directory("\(agent)/\(Self.treeName)") != nil else {
      throw RookeryError(.agentNotInstalled, "The agent \(agent) is not installed.", mend: "Run “rookery agent install \(agent)”.")
    }
    return "\(path)/\(agent)/\(Self.treeName)"
  }

  func list() throws -> [BundleManifest] {
    try directory.names().filter { !$0.hasPrefix(".") }.sorted().compactMap { name in
      try directory.directory(name)?.read(Self.manifestName).map { try JSON.decode(BundleManifest.self, from: $0) }
    }
  }

  func manifest(_ agent: AgentName) throws -> BundleManifest? {
    try directory.directory(agent.rawValue)?.read(Self.manifestName).map { try JSON.decode(BundleManifest.self, from: $0) }
  }

  /// Makes `opt/rookery/agents/NAME` of a stopped sandbox's tree the bundle of that name, durably.
  func publish(_ manifest: BundleManifest, from upper: Directory) throws {
    let name = manifest.agent.rawValue
    guard let source = try upper.directory("opt/rookery/agents"), try source.directory(name) != nil else {
      throw RookeryError(
        .setupFailed, "The installation of \(name) left nothing in /opt/rookery/agents/\(name).",
        mend: "Let its install step put the agent there.")
    }
    try upper.syncFileSystem()
    try publishing.withLock { _ in
      let unique = "\(name).\(String(UInt64.random(in: 0 ..< .max), radix: 36))"
      // Made among the retired, where a sweep takes away what a crash leaves.
      try retired.makeDirectory(unique, mode: 0o755)
      let fresh = try retired.existing(unique)
      try fresh.write(Self.manifestName, JSON.encode(manifest), mode: 0o644, durable: true)
      try moveTree(name, from: source, to: fresh)
      try fresh.sync()
      if directory.exists(name) {
        let error = cs_exchange(retired.descriptor, unique, directory.descriptor, name)
        guard error == 0 else { throw RookeryError.system("rename(exchange)", error) }
      } else {
        try retired.move(unique, to: directory, as: name)
      }
      try directory.sync()
    }
    sweep()
  }

  private func moveTree(_ name: String, from source: Directory, to fresh: Directory) throws {
    let error = cs_rename_new(source.descriptor, name, fresh.descriptor, Self.treeName)
    if error == EXDEV {
      // The sandbox was on another file system, one in a file for instance.
      try fresh.makeDirectory(Self.treeName, mode: 0o755)
      let bounds = TreeCopy.Bounds(bytes: 8 << 30, entries: 1_000_000, time: .seconds(300))
      _ = try TreeCopy.copy(source.existing(name), to: fresh.existing(Self.treeName), scratch: fresh, bounds: bounds)
      return try fresh.syncFileSystem()
    }
    guard error == 0 else { throw RookeryError.system("rename(bundle)", error) }
  }

  /// Removes retired bundles that no process of this machine has mounted.
  func sweep() {
    publishing.withLock { _ in
      guard let names = try? retired.names(), !names.isEmpty else { return }
      let mounted = Self.mountedRoots()
      for name in names where !mounted.contains(where: { $0.contains("/\(Self.retiredName)/\(name)/") }) {
        do { try TreeWalk.remove(name, in: retired) } catch {
          log.error("a retired bundle could not be removed", metadata: ["bundle": "\(name)", "error": "\(error)"])
        }
      }
    }
  }

  /// The directories of their file systems that mounts anywhere on this machine show, as the kernel names them now.
  private static func mountedRoots() -> Set<Substring> {
    var roots: Set<Substring> = []
    var seen: Set<String> = []
    for process in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] where Int32(process) != nil {
      guard let space = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/ns/mnt"),
        seen.insert(space).inserted, let table = CgroupFile.read("/proc/\(process)/mountinfo")
      else { continue }
      for line in table.split(separator: "\n") {
        let fields = line.split(separator: " ", maxSplits: 4)
        if fields.count > 3 { roots.insert(fields[3]) }
      }
    }
    return roots
  }
}
