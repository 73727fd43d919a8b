import RookeryModel

/// The two kinds of layers, each with a directory of its own under the data directory.
enum LayerKind: String, Sendable, CaseIterable {
  case image = "layers"
  case snapshot = "snapshots"
}

/// A layer by kind and id.
struct LayerName: Hashable, Sendable {
  var kind: LayerKind
  var id: String

  static func image(_ id: ImageID) -> LayerName { LayerName(kind: .image, id: id.rawValue) }
  static func snapshot(_ id: SnapshotID) -> LayerName { LayerName(kind: .snapshot, id: id.rawValue) }
}

extension CreateSandbox.Source {
  /// The layer at the top of its stack; nil for a bare base.
  var layer: LayerName? {
    switch self {
    case .base: nil
    case .image(let id): .image(id)
    case .snapshot(let id): .snapshot(id)
    }
  }
}
