import RookeryModel
import Synchronization

/// The gateway's sockets of every living sandbox, as far as this process holds them.
final class ListenerTable: Sendable {
  struct Entry: Sendable {
    var process: LaunchRecord.Process
    /// Nil after a restart of this process, when only the gateway has them.
    var listeners: SandboxNetwork.Sockets?
  }

  private let entries = Mutex<[SandboxID: Entry]>([:])
  /// Says that the table changed; changes that come while one is worked on are one.
  let changes: AsyncStream<Void>
  private let changed: AsyncStream<Void>.Continuation

  init() { (changes, changed) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1)) }

  func add(_ id: SandboxID, process: LaunchRecord.Process, listeners: SandboxNetwork.Sockets?) {
    entries.withLock { $0[id] = Entry(process: process, listeners: listeners) }
    changed.yield()
  }

  func remove(_ id: SandboxID) {
    if entries.withLock({ $0.removeValue(forKey: id) }) != nil { changed.yield() }
  }

  /// Keeps listeners made anew, unless the sandbox is gone.
  func keep(_ listeners: SandboxNetwork.Sockets, for id: SandboxID) {
    entries.withLock { $0[id]?.listeners = listeners }
  }

  /// Process 1 of a living sandbox.
  func process(of id: SandboxID) -> LaunchRecord.Process? { entries.withLock { $0[id]?.process } }

  func snapshot() -> [SandboxID: Entry] { entries.withLock { $0 } }

  /// Wakes the reader of `changes` without a change.
  func nudge() { changed.yield() }
  func finish() { changed.finish() }
}
