import Logging
import RookeryModel
import RookerySandbox

extension LiveSession {
  /// Waits until the host has room for one more sandbox, in turn; the log says so while it waits.
  func awaitRoom(_ limits: Limits) async throws -> StartQueue.Place {
    try await services.starts.enter(user: (turn?.author ?? meta.owner).email.lowercased(), need: limits) { news in
      await self.awaits(news)
    }
  }

  private func awaits(_ news: SandboxAwaited) {
    do {
      try commit([.sandboxAwaited(news)])
    } catch {
      logger.notice("a wait for room was not stored", metadata: ["error": "\(error)"])
    }
  }
}
