import Logging
import RookeryModel

/// Sandboxes on this machine: asks `rookery host` for them and talks to their runners.
package final class LocalProvider: SandboxProvider {
  /// The version of `HostRequest` that this side speaks.
  package static let protocolVersion = 1

  /// How long a sandbox that doesn't answer may take to end.
  private static let endingTime = Duration.seconds(5)

  private let host: HostConnection
  private let logger: Logger

  /// - Parameters:
  ///   - socket: the host's socket.
  ///   - allowedServers: users that may serve it; root, outside tests.
  ///   - patience: how long a request waits for a host that restarts.
  package init(socket: String, allowedServers: Set<UInt32> = [0], patience: Duration = .seconds(15), logger: Logger) {
    host = HostConnection(socket: socket, allowedServers: allowedServers, patience: patience)
    self.logger = logger
  }

  /// Whether the host answers now. Doesn't wait for one that is away.
  package func isReady() async -> Bool {
    do {
      return try await host.attempt(.hello(version: Self.protocolVersion), timeout: .seconds(2)) == .hello(version: Self.protocolVersion)
    } catch {
      logger.debug("the sandbox host does not answer", metadata: ["error": "\(error)"])
      return false
    }
  }

  /// Says what the networks of sandboxes that are started from now on have; the host remembers it.
  package func configureNetwork(_ setup: NetworkSetup) async throws {
    let response = try await host.call(.configureNetwork(setup))
    guard case .done = response else { throw HostConnection.unexpected(response, to: "configureNetwork") }
  }

  package func create(_ specification: CreateSandbox) async throws -> any Sandbox {
    let response = try await host.call(.create(specification), timeout: .seconds(60))
    guard case .created(let record) = response else { throw HostConnection.unexpected(response, to: "create") }
    guard record.state != .dead else {
      throw RookeryError(.sandboxLost, "The sandbox \(record.id) ended before it could be used.", mend: "Try again.")
    }
    return try await LocalSandbox.connected(to: record)
  }

  package func attach(_ id: SandboxID) async throws -> (any Sandbox)? {
    let deadline = ContinuousClock.now + Self.endingTime
    while true {
      guard let record = try await list().first(where: { $0.id == id && $0.state != .dead }) else { return nil }
      do {
        return try await LocalSandbox.connected(to: record)
      } catch let error as RookeryError where error.code == .sandboxLost {
        // It may be about to end, which the host has not noted yet.
        guard ContinuousClock.now < deadline else { throw error }
        try await Task.sleep(for: .milliseconds(50))
      }
    }
  }

  package func list() async throws -> [SandboxRecord] {
    let response = try await host.call(.list)
    guard case .sandboxes(let records) = response else { throw HostConnection.unexpected(response, to: "list") }
    return records
  }

  package func terminate(_ id: SandboxID, keep: SnapshotID?) async throws {
    try await done(.terminate(id, keep: keep), "terminate", timeout: .seconds(keep == nil ? 60 : 600))
  }

  package func publishImage(_ sandbox: SandboxID, manifest: ImageManifest) async throws {
    try await done(.publishImage(sandbox, image: manifest.id, manifest: manifest), "publishImage", timeout: .seconds(600))
  }

  package func images() async throws -> [ImageManifest] {
    let response = try await host.call(.listImages)
    guard case .images(let manifests) = response else { throw HostConnection.unexpected(response, to: "listImages") }
    return manifests
  }

  package func removeImage(_ id: ImageID) async throws {
    try await done(.removeImage(id), "removeImage", timeout: .seconds(300))
  }

  package func snapshots() async throws -> [SnapshotRecord] {
    let response = try await host.call(.listSnapshots)
    guard case .snapshots(let records) = response else { throw HostConnection.unexpected(response, to: "listSnapshots") }
    return records
  }

  package func capacity() async throws -> HostCapacity {
    let response = try await host.call(.capacity)
    guard case .capacity(let capacity) = response else { throw HostConnection.unexpected(response, to: "capacity") }
    return capacity
  }

  package func removeSnapshot(_ id: SnapshotID) async throws {
    try await done(.removeSnapshot(id), "removeSnapshot", timeout: .seconds(300))
  }

  package func publishBundle(_ sandbox: SandboxID, manifest: BundleManifest) async throws {
    try await done(.publishBundle(sandbox, agent: manifest.agent, manifest: manifest), "publishBundle", timeout: .seconds(600))
  }

  package func bundles() async throws -> [BundleManifest] {
    let response = try await host.call(.listBundles)
    guard case .bundles(let manifests) = response else { throw HostConnection.unexpected(response, to: "listBundles") }
    return manifests
  }

  package func bases() async throws -> [BaseRecord] {
    let response = try await host.call(.listBases)
    guard case .bases(let records) = response else { throw HostConnection.unexpected(response, to: "listBases") }
    return records
  }

  package func imageUse() async throws -> [ImageUse] {
    let response = try await host.call(.listImageUse, timeout: .seconds(120))
    guard case .imageUse(let images) = response else { throw HostConnection.unexpected(response, to: "listImageUse") }
    return images
  }

  package func events(after: Int64, wait: Int) async throws -> [HostEvent] {
    let wait = min(max(0, wait), 60)
    let response = try await host.call(.nextEvents(after: after, wait: wait), timeout: .seconds(wait + 10))
    guard case .events(let events) = response else { throw HostConnection.unexpected(response, to: "nextEvents") }
    return events
  }

  package func snapshot(_ id: SandboxID, as snapshot: SnapshotID) async throws {
    try await done(.snapshot(id, as: snapshot), "snapshot", timeout: .seconds(300))
  }

  package func pause(_ id: SandboxID) async throws { try await done(.freeze(id), "freeze") }

  package func resume(_ id: SandboxID) async throws { try await done(.thaw(id), "thaw") }

  private func done(_ request: HostRequest, _ name: String, timeout: Duration = .seconds(30)) async throws {
    let response = try await host.call(request, timeout: timeout)
    guard response == .done else { throw HostConnection.unexpected(response, to: name) }
  }
}
