import Foundation

/// How layers and the writable layers of sandboxes are kept.
package enum StorageKind: String, Sendable, Codable, CaseIterable {
  /// Plain directories: what a sandbox wrote is counted now and then, and copied for a snapshot.
  case directories
  /// Subvolumes of the data directory's own btrfs: the kernel bounds each, and a snapshot shares its blocks.
  case subvolumes
  /// The same on a btrfs in a sparse file of the data directory.
  case volume
}

/// What is remembered of a data directory's storage, since layers can't move from one kind to another: `storage.json`.
struct StorageRecord: Codable, Equatable {
  static let fileName = "storage.json"

  var kind: StorageKind
}
