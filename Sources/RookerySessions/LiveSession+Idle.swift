import Foundation
import Logging
import RookeryModel
import RookerySandbox

extension LiveSession {
  /// After ten minutes without a prompt the sandbox makes room; its filesystem stays as a snapshot.
  func releaseWhenIdle() {
    idleRelease?.cancel()
    guard meta.sandbox != nil, !closing else { return }
    idleRelease = Task {
      do { try await Task.sleep(for: .seconds(600)) } catch { return }
      self.beginRelease()
    }
  }

  /// Takes the place of a turn, so that a prompt that comes meanwhile waits for the snapshot.
  private func beginRelease() {
    guard runner == nil, !closing else { return }
    runner = Task {
      do {
        try await self.release()
      } catch {
        self.logger.warning("could not release an idle sandbox", metadata: ["error": "\(error)"])
      }
      self.runner = nil
      if self.hasWork { self.runIfIdle() }
    }
  }

  private func release() async throws {
    guard let idle = meta.sandbox else { return }
    let snapshot = try SnapshotID(of: idle)
    link?.pump?.cancel()
    link = nil
    await sandbox?.detach()
    sandbox = nil
    try await services.provider.terminate(idle, keep: snapshot)
    try await services.gateway.revoke(idle)
    meta.sandbox = nil
    meta.agentProcess = nil
    meta.snapshot = snapshot
    try commit([.snapshotTaken(.init(snapshot: snapshot, sandbox: idle))])
  }
}
