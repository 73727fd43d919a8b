import Foundation
import GRDB
import RookeryModel

/// What the builder keeps beside the builds: which images are known, how often a repository failed, and random bytes of its own.
extension Registry {
  static func registerImages(in migrator: inout DatabaseMigrator) {
    migrator.registerMigration("images 1") { database in
      try database.execute(
        sql: """
          ALTER TABLE build ADD COLUMN reason TEXT;
          -- What the next build compares itself with.
          ALTER TABLE build ADD COLUMN basis TEXT;
          ALTER TABLE build ADD COLUMN requests TEXT;
          -- Random bytes that this installation made for itself. No secret of anybody's.
          CREATE TABLE random_key (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
          """)
    }
  }

  /// Every image that a recorded build made, and when, the newest first.
  package func recordedImages() async throws -> [(image: ImageID, repository: RepositoryName, finished: Date)] {
    try await database.read { database in
      try Row.fetchAll(
        database, sql: "SELECT image, repository, finished FROM build WHERE state = 'succeeded' ORDER BY finished DESC, rowid DESC"
      ).map { row in
        (
          try ImageID(row["image"] as String), try RepositoryName(row["repository"] as String),
          Date(timeIntervalSince1970: row["finished"])
        )
      }
    }
  }

  /// Builds that failed one after another since the last good one, the interrupted ones aside.
  static func failures(of repository: RepositoryName, in database: Database) throws -> Int {
    let interrupted = "%\"code\":\"\(ErrorCode.interrupted.rawValue)\"%"
    return try Int.fetchOne(
      database,
      sql: """
        SELECT COUNT(*) FROM build WHERE repository = :repository AND state = 'failed' AND error NOT LIKE :interrupted
          AND started > coalesce(
            (SELECT MAX(started) FROM build WHERE repository = :repository AND state IN ('succeeded', 'unchanged')), 0)
        """,
      arguments: ["repository": repository.rawValue, "interrupted": interrupted]) ?? 0
  }

  /// 32 random bytes that stay the same for this installation.
  package func randomKey(_ name: String) async throws -> [UInt8] {
    var generator = SystemRandomNumberGenerator()
    let fresh = Data((0..<32).map { _ in UInt8.random(in: 0...255, using: &generator) })
    return try await database.write { database in
      try database.execute(sql: "INSERT OR IGNORE INTO random_key (name, value) VALUES (?, ?)", arguments: [name, fresh])
      let kept = try Data.fetchOne(database, sql: "SELECT value FROM random_key WHERE name = ?", arguments: [name])
      return Array(kept ?? fresh)
    }
  }
}
