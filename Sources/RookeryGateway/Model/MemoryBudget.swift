import RookeryModel
import Synchronization

/// Bytes of request bodies that may be held in memory at once.
final class MemoryBudget: Sendable {
  private let limit: Int
  private let used = Mutex(0)

  init(limit: Int) { self.limit = limit }

  /// - Throws: `rateLimited` when nothing is left.
  func take(_ bytes: Int) throws {
    let isTaken = used.withLock { used in
      guard used + bytes <= limit else { return false }
      used += bytes
      return true
    }
    guard isTaken else {
      throw RookeryError(.rateLimited, "Too many large requests to the model at once.", mend: "Try again in a moment.")
    }
  }

  func giveBack(_ bytes: Int) { used.withLock { $0 -= bytes } }
}
