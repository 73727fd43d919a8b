import Foundation
import GRDB
import RookeryModel

/// What was derived from sessions' events: a database that can be thrown away, since the sessions' files give it again.
///
/// Rows of a session and how far its log was followed change in one transaction, so that each event counts exactly once.
/// Times are milliseconds since 1970.
package final class MetricsStore: Sendable {
  /// Grows with every change of what is derived or how: the figures are then derived anew.
  static let derivation = 1

  let database: DatabasePool

  /// Opens or makes `metrics.sqlite` in `directory`. One of another derivation, or one that is damaged, is made anew.
  package init(directory: String) throws {
    let path = directory + "/metrics.sqlite"
    do {
      database = try Self.open(path)
    } catch let error as DatabaseError where [.SQLITE_CORRUPT, .SQLITE_NOTADB].contains(error.resultCode) {
      for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + suffix) }
      database = try Self.open(path)
    }
  }

  private static func open(_ path: String) throws -> DatabasePool {
    var configuration = GRDB.Configuration()
    configuration.label = "metrics"
    configuration.maximumReaderCount = 4
    configuration.prepareDatabase { try $0.execute(sql: "PRAGMA cache_size = -2048") }
    let pool = try DatabasePool(path: path, configuration: configuration)
    try pool.write { database in
      // Losing the newest rows in a crash loses nothing: they are derived again.
      guard try Int.fetchOne(database, sql: "PRAGMA user_version") != derivation else { return }
      for table in tables { try database.execute(sql: "DROP TABLE IF EXISTS \(table)") }
      try database.execute(sql: schema)
      try database.execute(sql: "PRAGMA user_version = \(derivation)")
    }
    return pool
  }

  static let tables = ["cursor", "session", "prompt", "participant", "pull_request", "usage"]

  private static let schema = """
    -- How far each session's log was followed.
    CREATE TABLE cursor (session TEXT PRIMARY KEY, generation INTEGER NOT NULL, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE session (
      id TEXT PRIMARY KEY, repository TEXT NOT NULL, owner TEXT NOT NULL, created INTEGER NOT NULL,
      asked INTEGER, started INTEGER, first_token INTEGER, completed INTEGER
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX session_by_time ON session (created);
    CREATE TABLE prompt (
      session TEXT NOT NULL, id TEXT NOT NULL, author TEXT NOT NULL, queued INTEGER NOT NULL, cancelled INTEGER,
      turn INTEGER, started INTEGER, first_token INTEGER, finished INTEGER, result TEXT, PRIMARY KEY (session, id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX prompt_by_time ON prompt (queued);
    CREATE INDEX prompt_by_end ON prompt (finished) WHERE finished IS NOT NULL;
    CREATE TABLE participant (
      session TEXT NOT NULL, user TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (session, user)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX participant_by_user ON participant (user);
    CREATE TABLE pull_request (
      session TEXT NOT NULL, url TEXT NOT NULL, number INTEGER NOT NULL, created INTEGER, merged INTEGER, closed INTEGER,
      PRIMARY KEY (session, url)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX pull_request_by_creation ON pull_request (created) WHERE created IS NOT NULL;
    CREATE INDEX pull_request_by_merge ON pull_request (merged) WHERE merged IS NOT NULL;
    CREATE TABLE usage (
      session TEXT NOT NULL, seq INTEGER NOT NULL, time INTEGER NOT NULL, author TEXT NOT NULL, input INTEGER NOT NULL,
      output INTEGER NOT NULL, requests INTEGER NOT NULL, cost INTEGER, PRIMARY KEY (session, seq)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX usage_by_time ON usage (time);
    """

  /// Every row as text, in an order of its own: two stores hold the same when these are the same.
  package func contents() throws -> [String] {
    try database.read { database in
      try Self.tables.flatMap { table in
        try Row.fetchAll(database, sql: "SELECT * FROM \(table)").map { row in
          "\(table) " + row.map { "\($0)=\($1)" }.joined(separator: " ")
        }.sorted()
      }
    }
  }

  static func milliseconds(_ date: Date) -> Int64 { Int64((date.timeIntervalSince1970 * 1000).rounded()) }

  static func date(_ milliseconds: Int64) -> Date { Date(timeIntervalSince1970: Double(milliseconds) / 1000) }
}
