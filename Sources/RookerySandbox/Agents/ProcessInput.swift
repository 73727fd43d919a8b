import RookeryModel

/// Writes to a process's stdin from its beginning, in order. The runner takes what fits; the rest is offered again.
struct ProcessInput {
  let sandbox: any Sandbox
  let process: ProcessID
  private var offset: UInt64 = 0

  /// How long a process may take nothing before it counts as stuck.
  private static let patience = Duration.seconds(120)

  init(sandbox: any Sandbox, process: ProcessID) {
    self.sandbox = sandbox
    self.process = process
  }

  mutating func write(_ bytes: [UInt8]) async throws {
    var rest = bytes[...]
    var stuckSince: ContinuousClock.Instant?
    while !rest.isEmpty {
      let reached = try await sandbox.write(Array(rest), to: process, at: offset)
      let taken = Int(clamping: reached - min(reached, offset))
      if taken > 0 {
        rest = rest.dropFirst(taken)
        offset = reached
        stuckSince = nil
        continue
      }
      let now = ContinuousClock.now
      guard now - (stuckSince ?? now) < Self.patience else {
        throw RookeryError(.sandboxFailed, "A process in the sandbox does not read its input.", mend: "Try again.")
      }
      stuckSince = stuckSince ?? now
      try await Task.sleep(for: .milliseconds(5))
    }
  }
}
