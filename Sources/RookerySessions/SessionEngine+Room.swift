import Foundation
import Logging
import RookeryModel
import RookerySandbox

/// Idle sessions give their sandboxes up while others wait for room: a snapshot is left, and the next prompt goes on from it.
extension SessionEngine {
  private static let interval = Duration.seconds(2)
  /// Seconds for which a session keeps its sandbox after its last sign of life, whoever waits.
  private static let grace: TimeInterval = 60

  func makeRoom() async {
    while !Task.isCancelled {
      do { try await Task.sleep(for: Self.interval) } catch { return }
      guard await services.starts.isAwaited, let idle = await longestIdle() else { continue }
      services.logger.info("an idle session makes room", metadata: ["session": "\(idle.id)"])
      await idle.giveUpSandbox()
    }
  }

  private func longestIdle(now: Date = Date()) async -> LiveSession? {
    var best: (session: LiveSession, since: Date)?
    for session in living {
      guard let since = await session.idleSince, now.timeIntervalSince(since) > Self.grace else { continue }
      if best.map({ since < $0.since }) ?? true { best = (session, since) }
    }
    return best?.session
  }
}

extension LiveSession {
  /// When a session that holds a sandbox without need had its last change; nil while it works or holds none.
  var idleSince: Date? { runner == nil && queued == 0 && meta.sandbox != nil && meta.sandboxReady ? meta.updated : nil }

  /// Rings the alarm that ends an idle sandbox, ahead of its time; returns when it was dealt with.
  func giveUpSandbox() async {
    guard idleSince != nil, !closing else { return }
    ringNow(.release)
    await runner?.value
  }
}
