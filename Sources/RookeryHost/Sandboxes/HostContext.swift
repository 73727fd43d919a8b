import Logging
import RookeryModel

/// What every sandbox of this host works with.
struct HostContext: Sendable {
  var settings: HostSettings
  var bounds: LimitBounds
  var boot: String
  var layout: CgroupLayout
  var fixture: SandboxLauncher.Fixture
  var layers: LayerStore
  var bases: BaseCatalogue
  var bundles: BundleStore
  var records: LaunchRecords
  /// `D/host/sandboxes`.
  var sandboxes: Directory
  /// `D/run/runners`.
  var runnersPath: String
  var runners: Directory
  var trash: Trash
  var networks: SandboxNetworkPool
  var watch: SandboxWatch
  var disk: DiskWatch
  var handover: ListenerTable
  var events: HostEventLog
  var log: Logger
}
