import Foundation
import GRDB
import RookeryModel

/// Warm sandboxes, so that a restarted server takes up or ends each of them. A row is written before its sandbox exists and goes
/// after the sandbox is gone, or is recorded by the session that claimed it.
extension Registry {
  /// A recorded warm sandbox.
  package struct WarmRow: Sendable, Equatable {
    package enum State: String, Sendable { case preparing, ready, claimed }
    package var sandbox: SandboxID
    package var repository: RepositoryName
    package var state: State
    package var began: Date
    /// The session that claimed it.
    package var session: SessionID?
    /// What it was prepared from, as the pool encodes it.
    package var validity: Data
    /// What its preparation made; empty until it is ready.
    package var content: Data

    package init(
      sandbox: SandboxID, repository: RepositoryName, state: State, began: Date, session: SessionID? = nil, validity: Data,
      content: Data = Data()
    ) {
      self.sandbox = sandbox
      self.repository = repository
      self.state = state
      self.began = began
      self.session = session
      self.validity = validity
      self.content = content
    }
  }

  static func registerWarmSandboxes(in migrator: inout DatabaseMigrator) {
    migrator.registerMigration("warm sandboxes") { database in
      try database.execute(
        sql: """
          CREATE TABLE warm (
            sandbox TEXT PRIMARY KEY, repository TEXT NOT NULL, state TEXT NOT NULL, began REAL NOT NULL,
            session TEXT, validity BLOB NOT NULL, content BLOB NOT NULL
          ) STRICT;
          """)
    }
  }

  /// Records a sandbox that is about to be prepared.
  package func insertWarm(_ row: WarmRow) async throws {
    try await database.write { database in
      try database.execute(
        sql: "INSERT INTO warm (sandbox, repository, state, began, session, validity, content) VALUES (?, ?, ?, ?, ?, ?, ?)",
        arguments: [
          row.sandbox.rawValue, row.repository.rawValue, row.state.rawValue, row.began.timeIntervalSince1970, row.session?.rawValue,
          row.validity, row.content,
        ])
    }
  }

  /// The preparation is complete. False when it is not recorded as running.
  package func warmIsReady(_ sandbox: SandboxID, content: Data) async throws -> Bool {
    try await database.write { database in
      try database.execute(
        sql: "UPDATE warm SET state = 'ready', content = ? WHERE sandbox = ? AND state = 'preparing'",
        arguments: [content, sandbox.rawValue])
      return database.changesCount == 1
    }
  }

  /// Marks a ready sandbox as this session's. False when it is not ready, or another session's.
  package func claimWarm(_ sandbox: SandboxID, for session: SessionID) async throws -> Bool {
    try await database.write { database in
      try database.execute(
        sql:
          "UPDATE warm SET state = 'claimed', session = ? WHERE sandbox = ? AND (state = 'ready' OR (state = 'claimed' AND session = ?))",
        arguments: [session.rawValue, sandbox.rawValue, session.rawValue])
      return database.changesCount == 1
    }
  }

  /// Forgets a sandbox that is gone, or its session's.
  package func removeWarm(_ sandbox: SandboxID) async throws {
    try await database.write { database in
      try database.execute(sql: "DELETE FROM warm WHERE sandbox = ?", arguments: [sandbox.rawValue])
    }
  }

  /// The oldest first.
  package func warmSandboxes() async throws -> [WarmRow] {
    try await database.read { database in
      try Row.fetchAll(database, sql: "SELECT * FROM warm ORDER BY began, sandbox").map { row in
        WarmRow(
          sandbox: try SandboxID(row["sandbox"] as String), repository: try RepositoryName(row["repository"] as String),
          state: WarmRow.State(rawValue: row["state"]) ?? .preparing, began: Date(timeIntervalSince1970: row["began"]),
          session: try (row["session"] as String?).map { try SessionID($0) }, validity: row["validity"], content: row["content"])
      }
    }
  }
}
