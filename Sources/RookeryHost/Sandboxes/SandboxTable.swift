import RookeryModel
import Synchronization

/// The sandboxes of this host by id. An id has one actor at a time, so requests for it never overlap.
final class SandboxTable: Sendable {
  private struct Entry {
    let sandbox: HostedSandbox
    var users: Int
  }

  private let context: HostContext
  private let entries = Mutex<[SandboxID: Entry]>([:])

  init(context: HostContext) { self.context = context }

  /// Runs `body` with the sandbox of that id, which need not exist yet. Throws `limitHit` when this host is full.
  func with<Value: Sendable>(_ id: SandboxID, _ body: (HostedSandbox) async throws -> Value) async throws -> Value {
    let sandbox = try entries.withLock { entries in
      if let entry = entries[id] {
        entries[id]?.users += 1
        return entry.sandbox
      }
      guard entries.count < context.settings.maximumSandboxes else {
        throw RookeryError(
          .limitHit, "This host runs its most of \(context.settings.maximumSandboxes) sandboxes.", mend: "Stop a session.")
      }
      let sandbox = HostedSandbox(id: id, context: context)
      entries[id] = Entry(sandbox: sandbox, users: 1)
      return sandbox
    }
    defer {
      entries.withLock { entries in
        entries[id]?.users -= 1
        if let entry = entries[id], entry.users == 0, entry.sandbox.shown == nil { entries[id] = nil }
      }
    }
    return try await body(sandbox)
  }

  /// The limits of every sandbox that lives.
  func promised() -> [Limits] { entries.withLock { $0.values.compactMap(\.sandbox.promised) } }

  /// Whether anything works on the sandbox of that name, or it exists.
  func knows(_ name: String) -> Bool { entries.withLock { $0.keys.contains { $0.rawValue == name } } }

  func list() -> [SandboxRecord] {
    entries.withLock { $0.values.compactMap(\.sandbox.shown) }.sorted { $0.created < $1.created }
  }
}
