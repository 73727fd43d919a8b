import NIOCore
import RookeryModel
import Synchronization

/// The connections through which sandboxes reach other hosts, each with the decision that allowed it: when another one comes to hold,
/// they are cut.
final class LiveConnections: Sendable {
  private struct Entry {
    var sandbox: SandboxID
    var host: HostName
    var port: Int
    var decision: SiteDecision
    var cut: @Sendable () -> Void
  }

  private struct State {
    var entries: [UInt64: Entry] = [:]
    var next: UInt64 = 0
  }

  private let grants: GrantBook
  private let state = Mutex(State())

  init(grants: GrantBook) { self.grants = grants }

  /// Remembers a connection until `remove` is called with the result. `cut` is called, perhaps at once, when it is no longer allowed.
  func add(
    _ sandbox: SandboxID, _ host: HostName, port: Int, _ decision: SiteDecision, cut: @escaping @Sendable () -> Void
  ) -> UInt64 {
    let number = state.withLock { state in
      state.next += 1
      state.entries[state.next] = Entry(sandbox: sandbox, host: host, port: port, decision: decision, cut: cut)
      return state.next
    }
    // It may have changed between the decision and now.
    if (try? grants.decision(sandbox, host, port: port)) != decision { cut() }
    return number
  }

  func remove(_ number: UInt64) { state.withLock { _ = $0.entries.removeValue(forKey: number) } }

  /// Cuts what is no longer allowed as it was; of all sandboxes where none is named.
  func review(_ sandbox: SandboxID? = nil) {
    let entries = state.withLock { state in state.entries.values.filter { sandbox == nil || $0.sandbox == sandbox } }
    for entry in entries where (try? grants.decision(entry.sandbox, entry.host, port: entry.port)) != entry.decision { entry.cut() }
  }
}
