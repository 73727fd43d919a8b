/// Where `rookery host` keeps things and whom it serves. Paths are absolute.
package struct HostSettings: Sendable, Equatable {
  /// `D/host`: layers, snapshots, sandboxes, launch records. Root's alone.
  package var dataDirectory: String
  /// `D/run`: `host.sock`, and `runners/<sandbox id>.sock`.
  package var runDirectory: String
  /// `C`: bases and agent bundles, shared by all data directories of this machine.
  package var cacheDirectory: String
  /// The user that `rookery serve` runs as; beside root the only one that may send requests.
  package var serveUser: UInt32
  /// The user that `rookery gateway` runs as; listeners are handed to no one else.
  package var gatewayUser: UInt32
  /// The gateway's control socket.
  package var gatewaySocket: String
  /// The `rookery-runner` that is process 1 of every sandbox.
  package var runnerBinary: String
  package var bubblewrap = "/usr/bin/bwrap"
  package var nft = "/usr/sbin/nft"
  /// Sandboxes at once, dead ones that were not terminated included.
  package var maximumSandboxes = 256
  /// How often leftovers are looked for.
  package var reconcileInterval: Duration = .seconds(300)
  /// How long before its time is over a sandbox's session is warned.
  package var runtimeWarningSeconds = 120
  /// How layers are kept in a data directory that is new; nil: the best that works. What a directory was made with stays.
  package var storage: StorageKind?
  /// How large the file that holds a file system may become, in MiB; nil: as the disk allows, 64 GiB at most.
  package var volumeMB: Int?

  package init(
    dataDirectory: String, runDirectory: String, cacheDirectory: String, serveUser: UInt32, gatewayUser: UInt32,
    gatewaySocket: String, runnerBinary: String
  ) {
    self.dataDirectory = dataDirectory
    self.runDirectory = runDirectory
    self.cacheDirectory = cacheDirectory
    self.serveUser = serveUser
    self.gatewayUser = gatewayUser
    self.gatewaySocket = gatewaySocket
    self.runnerBinary = runnerBinary
  }

  /// Where requests are answered.
  package var socket: String { runDirectory + "/host.sock" }
}

/// The one id range of all sandboxes: inside 0 to 65535 is outside `first` and up.
package enum IDRange {
  package static let first: UInt32 = 100_000
  package static let count: UInt32 = 65_536
  /// As the kernel reads it from `uid_map` and `gid_map`.
  static let map = "0 \(first) \(count)"
}
