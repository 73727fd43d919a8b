import RookeryModel

/// Writes to a process's stdin from its beginning, in order. A write waits until the sandbox has room, so a slow reader slows
/// the writer down and costs no memory.
struct ProcessInput {
  let sandbox: any Sandbox
  let process: ProcessID
  private var offset: UInt64 = 0

  init(sandbox: any Sandbox, process: ProcessID) {
    self.sandbox = sandbox
    self.process = process
  }

  mutating func write(_ bytes: [UInt8]) async throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let reached = try await sandbox.write(Array(rest), to: process, at: offset)
      guard reached > offset, reached - offset <= UInt64(rest.count) else {
        throw RookeryError(.sandboxFailed, "A process in the sandbox does not take its input.", mend: "Try again.")
      }
      rest = rest.dropFirst(Int(reached - offset))
      offset = reached
    }
  }
}
