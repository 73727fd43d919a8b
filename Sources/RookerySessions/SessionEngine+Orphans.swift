import Foundation
import Logging
import RookeryModel
import RookerySandbox
import RookeryStore

extension SessionEngine {
  /// Ends sandboxes that a killed server had asked for and not yet recorded: they are no session's, and never will be.
  func endOrphans() async {
    do {
      let candidates = try await services.provider.list().filter {
        $0.id.rawValue.hasPrefix(LiveSession.sandboxPrefix) && $0.created < started
      }
      guard !candidates.isEmpty else { return }
      var owned: Set<SandboxID> = []
      // One that can't be read may own any of them.
      for id in try SessionStore.sessions(in: services.directory) {
        if let sandbox = try await session(id).meta.sandbox { owned.insert(sandbox) }
      }
      for record in candidates where !owned.contains(record.id) {
        services.logger.notice("ending a sandbox that no session has", metadata: ["sandbox": "\(record.id)"])
        try await services.provider.terminate(record.id, keep: nil)
      }
    } catch {
      services.logger.warning("sandboxes that no session has may live until the next start", metadata: ["error": "\(error)"])
    }
  }
}
