import Foundation
import Logging
import RookeryConfiguration
import RookeryModel
import RookerySandbox

/// A session's watch over the services in its sandbox.
struct ServiceWatch {
  let supervisor: ServiceSupervisor
  let task: Task<Void, Never>
}

extension LiveSession {
  /// Starts the repository's services in the session's sandbox, or goes on watching them: what the log says of them already is not
  /// said again.
  func watchServices() {
    guard let sandbox, serviceWatch?.supervisor.sandbox.id != sandbox.id else { return }
    serviceWatch?.task.cancel()
    serviceWatch = nil
    guard let definitions = meta.services, !definitions.isEmpty else { return }
    let id = sandbox.id
    let supervisor = ServiceSupervisor(
      definitions, in: sandbox, directory: directory, environment: meta.environment, known: meta.serviceStates ?? []
    ) { change in await self.serviceChanged(change, in: id) }
    serviceWatch = ServiceWatch(supervisor: supervisor, task: Task { await supervisor.run() })
  }

  /// Waits until every service is ready or failed. One that fails doesn't hold the turn up: people are told.
  func awaitServices() async throws {
    try await serviceWatch?.supervisor.settled()
  }

  private func serviceChanged(_ change: ServiceChanged, in sandbox: SandboxID) {
    guard meta.sandbox == sandbox, !closing else { return }
    meta.serviceStates = (meta.serviceStates ?? []).filter { $0.name != change.name } + [change]
    var events: [EventPayload] = [.serviceChanged(change)]
    if change.state == .failed {
      let text = "The service “\(change.name)” did not start; the turn goes on without it. Its log is in the sandbox's /var/log/rookery."
      events.append(.notice(.init(level: .warning, text: text)))
    }
    do {
      try commit(events)
    } catch {
      logger.warning("a service's change was not stored", metadata: ["error": "\(error)"])
    }
  }
}
