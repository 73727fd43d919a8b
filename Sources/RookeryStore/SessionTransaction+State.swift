import Foundation
import GRDB
import RookeryModel

/// How far a process of a sandbox is known: everything before `output` has become events, `state` is its parser's.
package struct StoredProcess: Sendable, Equatable {
  package var output: StreamOffsets
  /// Bytes of stdin that were allocated, whether written yet or not.
  package var input: UInt64
  package var state: Data

  package init(output: StreamOffsets = .init(), input: UInt64 = 0, state: Data) {
    self.output = output
    self.input = input
    self.state = state
  }
}

/// Bytes on their way to a process's stdin.
package struct OutboxEntry: Sendable, Equatable {
  package var offset: UInt64
  package var bytes: [UInt8]

  package init(offset: UInt64, bytes: [UInt8]) {
    self.offset = offset
    self.bytes = bytes
  }
}

extension SessionTransaction {
  /// The session's own facts, whose shape is the session engine's matter.
  package func meta() throws -> (generation: Int, body: Data)? {
    try Row.fetchOne(database, sql: "SELECT generation, body FROM meta").map { ($0[0], $0[1]) }
  }

  package func setMeta(_ body: Data) throws {
    try database.execute(
      sql: """
        INSERT INTO meta (id, generation, epoch, body) VALUES (1, 1, 1, ?)
        ON CONFLICT (id) DO UPDATE SET body = excluded.body
        """, arguments: [body])
  }

  /// The newest turn.
  package func lastTurn() throws -> (number: Int, prompt: PromptID, body: Data)? {
    guard let row = try Row.fetchOne(database, sql: "SELECT number, prompt, body FROM turn ORDER BY number DESC LIMIT 1")
    else { return nil }
    return (row[0], try PromptID(row[1] as String), row[2])
  }

  package func setTurn(_ number: Int, prompt: PromptID, body: Data) throws {
    try database.execute(
      sql: "INSERT INTO turn (number, prompt, body) VALUES (?, ?, ?) ON CONFLICT (number) DO UPDATE SET body = excluded.body",
      arguments: [number, prompt.rawValue, body])
  }

  package func process(_ process: ProcessID, in sandbox: SandboxID) throws -> StoredProcess? {
    guard
      let row = try Row.fetchOne(
        database, sql: "SELECT stdout, stderr, input, state FROM process WHERE sandbox = ? AND process = ?",
        arguments: [sandbox.rawValue, process.rawValue])
    else { return nil }
    return StoredProcess(
      output: StreamOffsets(stdout: UInt64(row[0] as Int64), stderr: UInt64(row[1] as Int64)), input: UInt64(row[2] as Int64),
      state: row[3])
  }

  package func setProcess(_ process: ProcessID, in sandbox: SandboxID, _ stored: StoredProcess) throws {
    try database.cachedStatement(
      sql: """
        INSERT INTO process (sandbox, process, stdout, stderr, input, state) VALUES (?, ?, ?, ?, ?, ?)
        ON CONFLICT (sandbox, process) DO UPDATE SET stdout = excluded.stdout, stderr = excluded.stderr,
          input = excluded.input, state = excluded.state
        """
    ).execute(arguments: [
      sandbox.rawValue, process.rawValue, Int64(stored.output.stdout), Int64(stored.output.stderr), Int64(stored.input),
      stored.state,
    ])
  }

  package func addToOutbox(_ entry: OutboxEntry, of process: ProcessID, in sandbox: SandboxID) throws {
    try database.cachedStatement(sql: "INSERT INTO outbox (sandbox, process, offset, bytes) VALUES (?, ?, ?, ?)")
      .execute(arguments: [sandbox.rawValue, process.rawValue, Int64(entry.offset), Data(entry.bytes)])
  }

  package func outbox(of process: ProcessID, in sandbox: SandboxID) throws -> [OutboxEntry] {
    try Row.fetchAll(
      database, sql: "SELECT offset, bytes FROM outbox WHERE sandbox = ? AND process = ? ORDER BY offset",
      arguments: [sandbox.rawValue, process.rawValue]
    ).map { OutboxEntry(offset: UInt64($0[0] as Int64), bytes: [UInt8]($0[1] as Data)) }
  }

  /// Forgets entries that end at or before `written`.
  package func trimOutbox(of process: ProcessID, in sandbox: SandboxID, written: UInt64) throws {
    try database.execute(
      sql: "DELETE FROM outbox WHERE sandbox = ? AND process = ? AND offset + length(bytes) <= ?",
      arguments: [sandbox.rawValue, process.rawValue, Int64(written)])
  }
}
