import Foundation
import RookeryModel

/// Kept beside each layer's tree.
struct LayerManifest: Codable, Equatable, Sendable {
  /// The sandbox that it was made of: tells a repetition from another request for the same id.
  var sandbox: SandboxID
  var parent: CreateSandbox.Source
  var created: Date
  /// Set for images.
  var image: ImageManifest?
  /// What the layer's own tree takes on the disk; nil for layers of earlier versions.
  var bytes: Int?
  /// Whether the tree is a btrfs subvolume, which holds the layer as `upper`.
  var isSubvolume: Bool?
}
