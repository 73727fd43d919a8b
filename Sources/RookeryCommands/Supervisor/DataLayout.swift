import Foundation
import RookeryModel

/// Where everything of one data directory lies; docs/operating.md shows the same.
package struct DataLayout: Sendable, Equatable {
  package static let defaultData = "/var/lib/rookery"
  package static let defaultCache = "/var/cache/rookery"

  /// The data directory.
  package let data: String
  /// The host-wide cache, shared by all data directories of this machine.
  package let cache: String

  /// Relative paths are resolved here. Throws `badRequest` when a socket's path would be longer than the kernel allows.
  package init(data: String, cache: String) throws {
    self.data = URL(fileURLWithPath: data).standardizedFileURL.path
    self.cache = URL(fileURLWithPath: cache).standardizedFileURL.path
    // sun_path holds 108 bytes with the final NUL; the longest is runners/<id of 64 characters>.sock.
    let longest = "\(run)/runners/".utf8.count + Self.longestSandboxID + ".sock".utf8.count
    guard longest < 108 else {
      throw RookeryError(
        .badRequest, "The path of the data directory is too long for Unix sockets in it: \(self.data)",
        mend: "Use one of at most \(107 - longest + self.data.utf8.count) bytes.")
    }
  }

  /// Ids of sandboxes that we make are a prefix and 20 characters.
  private static let longestSandboxID = 32

  package var host: String { data + "/host" }
  package var serve: String { data + "/serve" }
  package var run: String { data + "/run" }
  package var serveRun: String { run + "/serve" }
  package var gatewayRun: String { run + "/gateway" }
  package var hostSocket: String { run + "/host.sock" }
  package var gatewaySocket: String { gatewayRun + "/gateway.sock" }
  /// What `serve` binds: in a directory of its own user.
  package var apiListener: String { serveRun + "/api.sock" }
  /// What clients dial: a link to `apiListener`.
  package var apiSocket: String { run + "/api.sock" }
  /// The supervisor's own.
  package var upSocket: String { run + "/up.sock" }
  package var upLock: String { data + "/up.lock" }
  /// The processes that a supervisor started, for the next one.
  package var processes: String { data + "/processes.json" }
  /// Written by `up --detach`.
  package var log: String { data + "/up.log" }
  package var pidFile: String { run + "/up.pid" }
  package var registry: String { serve + "/registry.sqlite" }

  /// A directory that must be there, who owns it, and its mode.
  package struct Place: Sendable, Equatable {
    package enum Owner: Sendable, Equatable { case root, serve, gateway }
    package var path: String
    package var owner: Owner
    package var mode: UInt16
  }

  /// In the order in which they are made.
  package var places: [Place] {
    [
      Place(path: data, owner: .root, mode: 0o755), Place(path: host, owner: .root, mode: 0o700),
      Place(path: serve, owner: .serve, mode: 0o700), Place(path: run, owner: .root, mode: 0o755),
      Place(path: serveRun, owner: .serve, mode: 0o755), Place(path: gatewayRun, owner: .gateway, mode: 0o755),
      Place(path: cache, owner: .root, mode: 0o755),
    ]
  }
}
