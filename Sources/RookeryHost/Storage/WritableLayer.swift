import Foundation
import RookeryControl
import RookeryModel

/// A sandbox's directory in the storage, with its writable layer: `sandboxes/ID/{upper,work,journal}`, or, where there are
/// subvolumes, `sandboxes/ID/{disk/{upper,work},journal}`.
struct WritableLayer: Sendable {
  let storage: HostStorage
  /// `sandboxes/ID`.
  let directory: Directory

  /// What is renamed into a layer, and where in it the tree lies.
  static let diskName = "disk"

  /// Makes the layer of a new sandbox in an empty directory. Bytes are bounded where the storage can.
  static func make(in directory: Directory, storage: HostStorage, limits: Limits) throws -> WritableLayer {
    var parent = directory
    if let volume = storage.volume {
      try volume.makeSubvolume(diskName, in: directory, limit: limits.diskMB << 20)
      parent = try directory.existing(diskName)
    }
    for name in ["upper", "work"] { try parent.makeDirectory(name, mode: 0o755, owner: IDRange.first) }
    try directory.makeDirectory("journal", mode: 0o700, owner: IDRange.first)
    return WritableLayer(storage: storage, directory: directory)
  }

  private var hasDisk: Bool { storage.volume != nil }

  func upper() throws -> Directory { try directory.existing(hasDisk ? Self.diskName + "/upper" : "upper") }

  /// Below the sandbox's directory: the tree that sandboxes write, and what is renamed to publish it.
  static func upperPath(_ storage: HostStorage) -> String { storage.volume == nil ? "upper" : diskName + "/upper" }
  static func workPath(_ storage: HostStorage) -> String { storage.volume == nil ? "work" : diskName + "/work" }
  static func publishedName(_ storage: HostStorage) -> String { storage.volume == nil ? "upper" : diskName }

  /// Captures the tree as `name` in `target`: a snapshot of the subvolume, or a copy within bounds. Nothing may write meanwhile.
  func capture(as name: String, in target: Directory, limits: Limits) throws {
    if let volume = storage.volume {
      return try volume.snapshot(of: directory.existing(Self.diskName), as: name, in: target)
    }
    try target.makeDirectory(name, mode: 0o755)
    // Plain directories have no quota: a little more than the limit may be there until it is seen.
    let bounds = TreeCopy.Bounds(bytes: limits.diskMB << 21, entries: limits.inodes * 2, time: .seconds(120))
    _ = try TreeCopy.copy(upper(), to: target.existing(name), scratch: target, bounds: bounds)
  }

  /// Bytes that a captured or published tree takes.
  static func bytes(of tree: Directory, storage: HostStorage) throws -> Int {
    guard let volume = storage.volume else { return DiskUsage.measure(tree, limitMB: .max).bytes }
    return try volume.usage(of: volume.number(of: tree))?.held ?? 0
  }
}
