import Synchronization

/// What a rehearsal model was asked, for tests.
package final class RehearsalJournal: Sendable {
  package struct Entry: Sendable, Equatable {
    package var model: String
    package var authorization: String?
    package var stream: Bool
    /// The newest words of the user.
    package var prompt = ""
    /// Why the request was refused; nil when it was answered.
    package var failure: String?
  }

  private let entries = Mutex<[Entry]>([])
  /// The journal of a long-running endpoint keeps its newest entries only.
  private static let maximum = 10_000

  init() {}

  /// Oldest first.
  package var requests: [Entry] { entries.withLock { $0 } }
  package var lastAuthorization: String? { requests.last?.authorization }
  /// The newest words of the user in each request.
  package var prompts: [String] { requests.map(\.prompt) }
  package var failures: [String] { requests.compactMap(\.failure) }

  func append(_ entry: Entry) {
    entries.withLock { entries in
      if entries.count >= Self.maximum { entries.removeFirst(entries.count - Self.maximum / 2) }
      entries.append(entry)
    }
  }
}
