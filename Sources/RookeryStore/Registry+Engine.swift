import Foundation
import GRDB
import RookeryModel

/// What the session engine keeps beside the index of sessions.
extension Registry {
  static func registerEngine(in migrator: inout DatabaseMigrator) {
    migrator.registerMigration("engine 1") { database in
      try database.execute(
        sql: """
          -- Counts the processes that worked on this data: a session's file refuses those before the last that wrote it.
          CREATE TABLE epoch (id INTEGER PRIMARY KEY CHECK (id = 1), value INTEGER NOT NULL) STRICT;
          INSERT INTO epoch (id, value) VALUES (1, 1);
          """)
    }
  }

  /// The epoch of a process that begins to work on the sessions: greater than that of any before.
  package func beginEpoch() throws -> Int64 {
    try database.write { database in
      try database.execute(sql: "UPDATE epoch SET value = value + 1")
      return try Int64.fetchOne(database, sql: "SELECT value FROM epoch") ?? 1
    }
  }

  /// What lists show of a session; nil: there is none.
  package func summary(of session: SessionID) throws -> SessionSummary? {
    try database.read { database in
      try Data.fetchOne(database, sql: "SELECT summary FROM session WHERE id = ?", arguments: [session.rawValue])
        .map { try JSON.decode(SessionSummary.self, from: $0) }
    }
  }

  /// Makes sure that the next epoch is greater than `epoch`.
  package func raiseEpoch(to epoch: Int64) throws {
    try database.write { try $0.execute(sql: "UPDATE epoch SET value = max(value, ?)", arguments: [epoch]) }
  }
}
