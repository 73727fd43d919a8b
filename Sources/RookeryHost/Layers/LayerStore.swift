import Foundation
import Glibc
import Logging
import RookeryControl
import RookeryModel
import Synchronization

/// The immutable trees that sandboxes start from: images and snapshots, each `ID/{fs,manifest.json}`, stacked on a base.
///
/// A layer comes into being by one rename of a directory that holds its manifest and tree; what a crash left half-way is finished
/// or thrown away at the next start. A layer that a sandbox or another layer stands on can't be removed.
final class LayerStore: Sendable {
  /// Layers in one stack, base included.
  static let maximumDepth = 180

  static let treeName = "fs"
  private static let unfinishedTreeName = "copy"
  private static let manifestName = "manifest.json"

  private let storage: HostStorage
  private let directories: [LayerKind: Directory]
  private let bases: BaseCatalogue
  private let trash: Trash
  /// Serialises whatever looks at references with whatever changes them: the layers that each sandbox stands on.
  private let pins = Mutex<[SandboxID: CreateSandbox.Source]>([:])

  init(storage: HostStorage, bases: BaseCatalogue, trash: Trash, log: Logger) throws {
    let data = storage.root
    var directories: [LayerKind: Directory] = [:]
    for kind in LayerKind.allCases {
      if !data.exists(kind.rawValue) { try data.makeDirectory(kind.rawValue, mode: 0o700) }
      directories[kind] = try data.existing(kind.rawValue)
    }
    self.storage = storage
    self.directories = directories
    self.bases = bases
    self.trash = trash
    for kind in LayerKind.allCases { try finishPartial(kind, log: log) }
  }

  // MARK: Stacks

  /// Pins the stack of `source` for a sandbox and returns its trees, the topmost first.
  ///
  /// Throws `imageMissing` or `notFound` when a layer is absent, `conflict` when the stack is too deep.
  func pin(_ source: CreateSandbox.Source, for sandbox: SandboxID) throws -> [String] {
    try pins.withLock { pins in
      let stack = try stack(source)
      pins[sandbox] = source
      return stack
    }
  }

  /// Pins only: a sandbox that was adopted after a restart has its stack mounted already.
  func repin(_ source: CreateSandbox.Source, for sandbox: SandboxID) {
    pins.withLock { $0[sandbox] = source }
  }

  func unpin(_ sandbox: SandboxID) {
    pins.withLock { _ = $0.removeValue(forKey: sandbox) }
  }

  /// What each sandbox stands on.
  func pinnedSources() -> [SandboxID: CreateSandbox.Source] { pins.withLock { $0 } }

  private func stack(_ source: CreateSandbox.Source) throws -> [String] {
    var stack: [String] = []
    var next = source
    while stack.count < Self.maximumDepth {
      guard let name = next.layer else {
        guard case .base(let base) = next else { break }
        stack.append(try bases.tree(of: base))
        return stack
      }
      guard let manifest = try manifest(name) else { throw Self.missing(name) }
      let tree = "\(storage.launchPath)/\(name.kind.rawValue)/\(name.id)/\(Self.treeName)"
      stack.append(manifest.isSubvolume == true ? tree + "/upper" : tree)
      next = manifest.parent
    }
    throw RookeryError(
      .conflict, "The stack of layers below \(source) is over \(Self.maximumDepth) deep.", mend: "Build the image anew from its base.")
  }

  private static func missing(_ name: LayerName) -> RookeryError {
    switch name.kind {
    case .image: RookeryError(.imageMissing, "There is no image \(name.id).", mend: "Build it: “rookery repo build”.")
    case .snapshot: RookeryError(.notFound, "There is no snapshot \(name.id).", mend: "Start from the repository's image.")
    }
  }

  // MARK: Publishing

  /// The manifest of a layer; nil when there is no such layer.
  func manifest(_ name: LayerName) throws -> LayerManifest? {
    guard let data = try directory(name.kind).directory(name.id)?.read(Self.manifestName) else { return nil }
    return try JSON.decode(LayerManifest.self, from: data)
  }

  /// Makes what `capture` leaves under the name it is given, in the directory it is given, the layer `name`, durably.
  ///
  /// Until the last rename nothing of it counts: a crash leaves a directory that the next start throws away.
  func publishCopy(as name: LayerName, manifest: LayerManifest, capture: (Directory, String) throws -> Void) throws {
    let directory = try directory(name.kind)
    let partialName = Self.partial(name.id)
    // A whole one may wait there for its last rename.
    if try directory.directory("\(partialName)/\(Self.treeName)") != nil { return try finish(name, in: directory) }
    try trash.discard(partialName, in: directory)
    try directory.makeDirectory(partialName, mode: 0o700)
    do {
      let partial = try directory.existing(partialName)
      var manifest = manifest
      try capture(partial, Self.unfinishedTreeName)
      manifest.bytes = try WritableLayer.bytes(of: partial.existing(Self.unfinishedTreeName), storage: storage)
      manifest.isSubvolume = storage.volume == nil ? nil : true
      try partial.write(Self.manifestName, JSON.encode(manifest), durable: true)
      // A snapshot of a subvolume is on the disk already.
      if storage.volume == nil { try partial.syncFileSystem() }
      try pins.withLock { _ in
        if let parent = manifest.parent.layer, try self.manifest(parent) == nil { throw Self.missing(parent) }
        try partial.move(Self.unfinishedTreeName, to: partial, as: Self.treeName)
        try partial.sync()
        try finish(name, in: directory)
      }
    } catch {
      try? trash.discard(partialName, in: directory)
      throw error
    }
  }

  /// Makes the tree `upper` of `sandboxDirectory` the layer `name`, durably. Nothing may write to the tree any more.
  func publish(_ upper: String, of sandboxDirectory: Directory, as name: LayerName, manifest: LayerManifest) throws {
    let directory = try directory(name.kind)
    let partialName = Self.partial(name.id)
    if try directory.directory("\(partialName)/\(Self.treeName)") != nil {
      // An attempt before this one failed at its last step: the tree is in there and nowhere else.
      return try finish(name, in: directory)
    }
    try sandboxDirectory.existing(upper).syncFileSystem()
    // The manifest first: once the tree is in, the layer is complete but for its name, and a restart finishes it.
    try trash.discard(partialName, in: directory)
    try directory.makeDirectory(partialName, mode: 0o700)
    let partial = try directory.existing(partialName)
    var manifest = manifest
    manifest.bytes = try WritableLayer.bytes(of: sandboxDirectory.existing(upper), storage: storage)
    manifest.isSubvolume = storage.volume == nil ? nil : true
    try partial.write(Self.manifestName, JSON.encode(manifest), durable: true)
    try pins.withLock { _ in
      if let parent = manifest.parent.layer, try self.manifest(parent) == nil { throw Self.missing(parent) }
      try sandboxDirectory.move(upper, to: partial, as: Self.treeName)
      try partial.sync()
      try finish(name, in: directory)
    }
  }

  private func finish(_ name: LayerName, in directory: Directory) throws {
    try directory.move(Self.partial(name.id), to: directory, as: name.id)
    try directory.sync()
  }

  private func finishPartial(_ kind: LayerKind, log: Logger) throws {
    let directory = try directory(kind)
    for name in try directory.names() where name.hasPrefix(Self.partial("")) {
      let id = String(name.dropFirst(Self.partial("").count))
      if try directory.directory("\(name)/\(Self.treeName)") != nil, !directory.exists(id) {
        log.notice("finishing a publication that was interrupted", metadata: ["layer": "\(id)"])
        try finish(LayerName(kind: kind, id: id), in: directory)
      } else {
        try trash.discard(name, in: directory)
      }
    }
  }

  // An id never starts with a dot, so this is nobody's.
  private static func partial(_ id: String) -> String { ".partial-" + id }

  // MARK: Lists and removal

  func images() throws -> [ImageManifest] {
    try all(.image).compactMap { entry in
      var image = entry.manifest.image
      image?.bytes = entry.manifest.bytes
      return image
    }.sorted { $0.created < $1.created }
  }

  func snapshots() throws -> [SnapshotRecord] {
    try all(.snapshot).map {
      SnapshotRecord(id: try SnapshotID($0.id), parent: $0.manifest.parent, created: $0.manifest.created, bytes: $0.manifest.bytes)
    }
    .sorted { $0.created < $1.created }
  }

  func all(_ kind: LayerKind) throws -> [(id: String, manifest: LayerManifest)] {
    try directory(kind).names().filter { !$0.hasPrefix(".") }.compactMap { id in
      try manifest(LayerName(kind: kind, id: id)).map { (id, $0) }
    }
  }

  /// Removes a layer; its absence is fine. Throws `conflict` while a sandbox or another layer stands on it.
  func remove(_ name: LayerName) throws {
    try pins.withLock { pins in
      if let sandbox = pins.first(where: { $0.value.layer == name })?.key { throw Self.inUse(name, by: "sandbox \(sandbox)") }
      for kind in LayerKind.allCases {
        if let user = try all(kind).first(where: { $0.manifest.parent.layer == name }) {
          throw Self.inUse(name, by: "\(kind == .image ? "image" : "snapshot") \(user.id)")
        }
      }
      try trash.discard(name.id, in: directory(name.kind))
    }
  }

  private static func inUse(_ name: LayerName, by user: String) -> RookeryError {
    RookeryError(.conflict, "\(name.id) is in use by \(user).", mend: "Remove that first.")
  }

  func directory(_ kind: LayerKind) throws -> Directory {
    guard let directory = directories[kind] else { throw RookeryError(.internal, "No directory for \(kind.rawValue).") }
    return directory
  }
}
