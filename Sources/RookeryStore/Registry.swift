import Foundation
import GRDB
import RookeryModel

/// `serve`'s own database: people, repositories, images, intents, and an index of sessions that can be rebuilt from their
/// files. One file, one writer; `FULL` synchronous, so what a call returned is on disk.
package final class Registry: Sendable {
  package let database: DatabaseQueue

  /// Opens or makes `registry.sqlite` in `directory`.
  package init(directory: String) throws {
    var configuration = GRDB.Configuration()
    configuration.label = "registry"
    configuration.foreignKeysEnabled = true
    configuration.prepareDatabase { database in
      try database.execute(sql: "PRAGMA journal_mode = WAL")
      try database.execute(sql: "PRAGMA synchronous = FULL")
      try database.execute(sql: "PRAGMA cache_size = -256")
    }
    database = try DatabaseQueue(path: directory + "/registry.sqlite", configuration: configuration)
    try Self.migrator.migrate(database)
  }

  private static var migrator: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("1") { database in
      try database.execute(
        sql: """
          CREATE TABLE user (
            id TEXT PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL UNIQUE COLLATE NOCASE,
            role TEXT NOT NULL, created REAL NOT NULL
          ) STRICT;
          -- Bearer tokens of the API and cookies of the web page: only their SHA-256 is kept.
          CREATE TABLE token (
            hash BLOB PRIMARY KEY, user TEXT NOT NULL REFERENCES user(id) ON DELETE CASCADE,
            purpose TEXT NOT NULL, created REAL NOT NULL, expires REAL
          ) STRICT;
          -- Single-use codes of login links.
          CREATE TABLE login_code (
            hash BLOB PRIMARY KEY, user TEXT NOT NULL REFERENCES user(id) ON DELETE CASCADE, expires REAL NOT NULL
          ) STRICT;
          CREATE TABLE repository (
            name TEXT PRIMARY KEY, url TEXT NOT NULL, default_branch TEXT NOT NULL, description TEXT NOT NULL,
            hints TEXT NOT NULL, agent TEXT, added REAL NOT NULL, image TEXT
          ) STRICT;
          CREATE TABLE build (
            image TEXT PRIMARY KEY, repository TEXT NOT NULL REFERENCES repository(name) ON DELETE CASCADE,
            state TEXT NOT NULL, commit_id TEXT, environment_digest TEXT, environment TEXT,
            started REAL NOT NULL, finished REAL, error TEXT
          ) STRICT;
          CREATE INDEX build_by_repository ON build (repository, started);
          CREATE TABLE build_line (
            image TEXT NOT NULL REFERENCES build(image) ON DELETE CASCADE, number INTEGER NOT NULL,
            step TEXT NOT NULL, text TEXT NOT NULL, PRIMARY KEY (image, number)
          ) STRICT, WITHOUT ROWID;
          -- Written before a session's file exists, so that a crash between the two is mended at the next start.
          CREATE TABLE session_intent (
            request TEXT PRIMARY KEY, body BLOB NOT NULL, session TEXT NOT NULL UNIQUE, user TEXT NOT NULL
          ) STRICT;
          -- An index over the sessions' files, which are the truth: it follows their seq.
          CREATE TABLE session (
            id TEXT PRIMARY KEY, repository TEXT NOT NULL, owner TEXT NOT NULL, state TEXT NOT NULL,
            updated REAL NOT NULL, seq INTEGER NOT NULL, summary BLOB NOT NULL
          ) STRICT;
          CREATE INDEX session_by_update ON session (updated DESC);
          """)
    }
    migrator.registerMigration("sessions-2") { database in
      try database.execute(
        sql: """
          -- Sessions that were deleted and of which something is left.
          CREATE TABLE session_tombstone (id TEXT PRIMARY KEY) STRICT;
          """)
    }
    registerImages(in: &migrator)
    registerWarmSandboxes(in: &migrator)
    registerIdentity(in: &migrator)
    registerEngine(in: &migrator)
    return migrator
  }
}
