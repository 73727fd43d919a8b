import RookeryControl
import RookeryModel
import RookerySandbox

/// Ends every sandbox of a data directory. What sessions worked on is kept as the snapshot from which they go on later.
struct SandboxClearance: Sendable {
  private let host: ControlClient

  init(hostSocket: String) { host = ControlClient(path: hostSocket, allowedServers: [0]) }

  /// Returns what went wrong, in words.
  func run() async -> [String] {
    do {
      guard case .sandboxes(let records) = try await list() else { return ["The sandbox host answered something else than asked."] }
      var failures: [String] = []
      for record in records {
        do {
          let keep = Self.isTransient(record.id) ? nil : try SnapshotID(of: record.id)
          _ = try await host.call(
            HostRequest.terminate(record.id, keep: keep), as: HostResponse.self, timeout: .seconds(600))
        } catch {
          failures.append("Sandbox \(record.id): \(error)")
        }
      }
      return failures
    } catch {
      return ["The sandbox host could not be asked: \(error)"]
    }
  }

  /// A host that was only just started takes up its sandboxes before it answers.
  private func list() async throws -> HostResponse {
    let deadline = ContinuousClock.now + .seconds(60)
    var delay = ReconnectDelay()
    while true {
      do {
        return try await host.call(HostRequest.list, as: HostResponse.self, timeout: .seconds(30))
      } catch let error as RookeryError where error.code == .unavailable && ContinuousClock.now < deadline {
        try await Task.sleep(for: delay.next())
      }
    }
  }

  /// Sandboxes of image builds and installations hold nothing worth keeping.
  private static func isTransient(_ id: SandboxID) -> Bool {
    [ImageBuilder.sandboxPrefix, AgentInstaller.sandboxPrefix].contains { id.rawValue.hasPrefix($0) }
  }
}
