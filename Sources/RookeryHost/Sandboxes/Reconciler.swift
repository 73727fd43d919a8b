import Foundation
import Logging
import RookeryControl
import RookeryModel

/// Removes what belongs to no sandbox: directories, sockets, accounts, agent bundles. Ends a sandbox whose process 1 went unseen.
struct Reconciler: Sendable {
  let context: HostContext
  let table: SandboxTable

  /// Until the task is cancelled.
  func run(every interval: Duration) async {
    while (try? await Task.sleep(for: interval)) != nil {
      do { try await BlockingThread.run(name: "reconciler") { try once() } } catch {
        context.log.error("leftovers could not be looked for", metadata: ["error": "\(error)"])
      }
      for record in table.list() where record.state != .dead {
        // It looks for itself whether process 1 lives.
        do { try await table.with(record.id) { try await $0.processEnded() } } catch {
          context.log.error("a sandbox could not be looked at", metadata: ["sandbox": "\(record.id)", "error": "\(error)"])
        }
      }
    }
  }

  /// One look. Blocks.
  func once() throws {
    for name in try context.sandboxes.names() where isNobodys(name) {
      context.log.notice("a leftover directory is removed", metadata: ["sandbox": "\(name)"])
      try context.trash.discard(name, in: context.sandboxes)
    }
    for name in try context.runners.names() where isNobodys(String(name.dropLast(5))) { try context.runners.removeFile(name) }
    context.bundles.sweep()
    try context.forgetAccounts()
  }

  /// A record is written before anything else of a sandbox, and removed after everything else; whoever works on one is in the table.
  private func isNobodys(_ name: String) -> Bool {
    !table.knows(name) && !context.records.directory.exists(name + ".json") && !table.knows(name)
  }
}
