import Foundation
import Glibc
import RookeryModel

/// The processes of a supervisor that was killed: they live on, and the next supervisor replaces them.
struct LeftoverProcesses {
  let file: String

  /// Written whole or not at all. A failure costs only that a killed supervisor's processes must be ended by hand.
  func record(_ processes: [String: ProcessIdentity]) {
    guard let data = try? JSON.encode(processes) else { return }
    try? data.write(to: URL(fileURLWithPath: file), options: .atomic)
  }

  var living: [(role: ProcessRole, identity: ProcessIdentity)] {
    guard let data = try? Data(contentsOf: URL(fileURLWithPath: file)),
      let known = try? JSON.decode([String: ProcessIdentity].self, from: data)
    else { return [] }
    return ProcessRole.stopOrder.compactMap { role in
      known[role.rawValue].flatMap { $0.isAlive ? (role, $0) : nil }
    }
  }

  /// Ends them in the order of stopping; a process that does not listen is killed.
  func end(note: (String) -> Void) async throws {
    for (role, identity) in living {
      note("ending \(role.rawValue) of an earlier supervisor")
      kill(identity.pid, SIGTERM)
      if await !isGone(identity, within: SupervisorState.grace) { kill(identity.pid, SIGKILL) }
      guard await isGone(identity, within: .seconds(10)) else {
        throw RookeryError(
          .conflict, "The process \(identity.pid) (\(role.rawValue)) of an earlier supervisor can't be ended.",
          mend: "End it by hand, then try again.")
      }
    }
  }

  /// It is not our child, so its end can only be looked for.
  private func isGone(_ identity: ProcessIdentity, within limit: Duration) async -> Bool {
    let deadline = ContinuousClock.now + limit
    while identity.isAlive {
      guard ContinuousClock.now < deadline, (try? await Task.sleep(for: .milliseconds(50))) != nil else { return false }
    }
    return true
  }
}
