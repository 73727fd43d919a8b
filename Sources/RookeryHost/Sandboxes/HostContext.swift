import Logging
import RookeryModel

/// What every sandbox of this host works with.
struct HostContext: Sendable {
  var settings: HostSettings
  var bounds: LimitBounds
  var boot: String
  var layout: CgroupLayout
  var fixture: SandboxLauncher.Fixture
  var storage: HostStorage
  var layers: LayerStore
  var bases: BaseCatalogue
  var bundles: BundleStore
  var records: LaunchRecords
  /// `D/host`.
  var data: Directory
  /// `sandboxes` in the storage.
  var sandboxes: Directory
  /// `D/run/runners`.
  var runnersPath: String
  var runners: Directory
  var trash: Trash
  var networks: SandboxNetworkPool
  var trust: TrustFiles
  var watch: SandboxWatch
  var disk: DiskWatch
  var handover: ListenerTable
  var events: HostEventLog
  var log: Logger

  /// Forgets what the kernel counted for subvolumes that are gone.
  func forgetAccounts() throws {
    guard let volume = storage.volume else { return }
    try volume.forgetAccounts {
      var living: Set<UInt64> = []
      for place in ["sandboxes", LayerKind.image.rawValue, LayerKind.snapshot.rawValue, "trash"] {
        guard let parent = try storage.root.directory(place) else { continue }
        for name in try parent.names() {
          for tree in [WritableLayer.diskName, "fs", "copy"] {
            if let found = try parent.directory("\(name)/\(tree)") { living.insert(try volume.number(of: found)) }
          }
        }
      }
      return living
    }
  }
}
