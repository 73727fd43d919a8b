import Foundation
import RookeryModel

extension HostedSandbox {
  /// Ends the sandbox; with `keep` its writable layer becomes that snapshot. Repeating it is harmless.
  ///
  /// Throws `notFound` when there is nothing to keep, `conflict` when the snapshot's id is taken by another sandbox's.
  func terminate(keep: SnapshotID?) throws {
    if keep == nil, record == nil { return }
    if let keep {
      let name = LayerName.snapshot(keep)
      if let existing = try context.layers.manifest(name) {
        guard existing.sandbox == id else {
          throw RookeryError(.conflict, "Snapshot \(keep) was made of another sandbox.", mend: "Use a new id.")
        }
      } else {
        guard let record else { throw Self.unknown(id) }
        try publish(name, LayerManifest(sandbox: id, parent: record.source, created: Date(), image: nil))
      }
    }
    try cleanUp()
  }

  /// Keeps the writable layer as that snapshot; the sandbox goes on. It stands still while its files are captured, and no longer.
  /// Repeating it is harmless.
  ///
  /// Throws `conflict` when the snapshot's id is taken by another sandbox's, `tooLarge` when there is more than can be captured.
  func snapshot(as snapshot: SnapshotID) throws {
    let name = LayerName.snapshot(snapshot)
    if let existing = try context.layers.manifest(name) {
      guard existing.sandbox == id else {
        throw RookeryError(.conflict, "Snapshot \(snapshot) was made of another sandbox.", mend: "Use a new id.")
      }
      return
    }
    guard let record else { throw Self.unknown(id) }
    try requireSpace()
    let manifest = LayerManifest(sandbox: id, parent: record.source, created: Date(), image: nil)
    try context.layers.publishCopy(as: name, manifest: manifest) { partial, tree in
      let layer = try layer()
      try whileStill { try layer.capture(as: tree, in: partial, limits: record.limits) }
    }
  }

  private func layer() throws -> WritableLayer {
    WritableLayer(storage: context.storage, directory: try context.sandboxes.existing(id.rawValue))
  }

  /// Ends the sandbox and makes its writable layer an image. Repeating it is harmless.
  func publishImage(_ image: ImageID, manifest: ImageManifest) throws {
    guard manifest.id == image, Self.isPlausible(manifest) else {
      throw RookeryError(.badRequest, "The image's manifest is not valid.")
    }
    if let existing = try context.layers.manifest(.image(image)) {
      guard existing.sandbox == id, existing.image?.commit == manifest.commit else {
        throw RookeryError(.conflict, "Image \(image) was made of another sandbox.", mend: "Use a new id.")
      }
    } else {
      guard let record else { throw Self.unknown(id) }
      guard manifest.parent == record.source else {
        throw RookeryError(.badRequest, "The image's manifest names another parent than its sandbox has.")
      }
      try publish(.image(image), LayerManifest(sandbox: id, parent: record.source, created: manifest.created, image: manifest))
    }
    try cleanUp()
  }

  /// Ends the sandbox and makes its `/opt/rookery/agents/NAME` the bundle of that name. Repeating it is harmless.
  func publishBundle(_ agent: AgentName, manifest: BundleManifest) throws {
    guard manifest.agent == agent, manifest.digest.utf8.count <= 200 else {
      throw RookeryError(.badRequest, "The bundle's manifest is not valid.")
    }
    guard record != nil else {
      if try context.bundles.manifest(agent) == manifest { return }
      throw Self.unknown(id)
    }
    try stopProcesses()
    try context.bundles.publish(manifest, from: layer().upper())
    try cleanUp()
  }

  private func publish(_ name: LayerName, _ manifest: LayerManifest) throws {
    try stopProcesses()
    let directory = try context.sandboxes.existing(id.rawValue)
    try context.layers.publish(WritableLayer.publishedName(context.storage), of: directory, as: name, manifest: manifest)
  }

  private static func isPlausible(_ manifest: ImageManifest) -> Bool {
    [manifest.commit, manifest.environmentDigest].allSatisfy { $0.utf8.count <= 200 }
  }
}
