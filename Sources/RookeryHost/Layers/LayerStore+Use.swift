import Foundation
import RookeryModel

extension LayerStore {
  /// Images with what their own layers take on the disk, how deep they lie, and what stands on them. The first time it measures a
  /// layer it walks over all of it; layers never change, so it is remembered beside the manifest.
  func imageUse() throws -> [ImageUse] {
    let manifests = Dictionary(
      uniqueKeysWithValues: try LayerKind.allCases.flatMap { kind in
        try all(kind).map { (LayerName(kind: kind, id: $0.id), $0.manifest) }
      })
    let pinned = pinnedSources()
    return try manifests.compactMap { name, manifest -> ImageUse? in
      guard let image = manifest.image else { return nil }
      let users = manifests.filter { $0.value.parent.layer == name }.keys.map(\.self).sorted { $0.id < $1.id }
      return ImageUse(
        manifest: image, sizeMB: try sizeMB(name, manifest), depth: depth(of: name, manifests),
        sandboxes: pinned.filter { $0.value.layer == name }.keys.sorted(),
        images: users.filter { $0.kind == .image }.compactMap { ImageID(rawValue: $0.id) },
        snapshots: users.filter { $0.kind == .snapshot }.compactMap { SnapshotID(rawValue: $0.id) })
    }.sorted { ($0.manifest.created, $0.manifest.id) < ($1.manifest.created, $1.manifest.id) }
  }

  private func depth(of name: LayerName, _ manifests: [LayerName: LayerManifest]) -> Int {
    var depth = 0
    var next: LayerName? = name
    while let layer = next, let manifest = manifests[layer], depth < Self.maximumDepth {
      depth += 1
      next = manifest.parent.layer
    }
    return depth
  }

  private func sizeMB(_ name: LayerName, _ manifest: LayerManifest) throws -> Int {
    if let bytes = manifest.bytes ?? manifest.image?.bytes { return (bytes + (1 << 20) - 1) >> 20 }
    guard let layer = try directory(name.kind).directory(name.id) else { return 0 }
    if let known = try layer.read(Self.sizeName, limit: 64), let size = Int(String(decoding: known, as: UTF8.self)) { return size }
    guard let tree = try layer.directory(Self.treeName) else { return 0 }
    let size = (DiskUsage.measure(tree, limitMB: .max).bytes + (1 << 20) - 1) >> 20
    try layer.write(Self.sizeName, Data("\(size)".utf8), durable: false)
    return size
  }

  private static let sizeName = "size"
}
