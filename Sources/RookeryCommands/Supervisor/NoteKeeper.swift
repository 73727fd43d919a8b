import Synchronization

/// Keeps what a supervisor said, to be shown if it fails.
final class NoteKeeper: Sendable {
  private let notes = Mutex<[String]>([])
  var all: [String] { notes.withLock { $0 } }
  func add(_ note: String) { notes.withLock { $0.append(note) } }
}
