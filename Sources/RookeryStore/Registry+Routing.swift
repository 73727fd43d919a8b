import Foundation
import GRDB
import RookeryModel

/// What people chose when they were asked where a message belongs.
extension Registry {
  /// Choices that are kept of each channel.
  private static let keptChoices = 10

  static func registerRoutingChoices(in migrator: inout DatabaseMigrator) {
    migrator.registerMigration("slack-1 routing choices") { database in
      try database.execute(
        sql: """
          CREATE TABLE routing_choice (
            id INTEGER PRIMARY KEY, channel TEXT NOT NULL, repository TEXT NOT NULL, user TEXT NOT NULL, chosen REAL NOT NULL
          ) STRICT;
          CREATE INDEX routing_choice_by_channel ON routing_choice (channel, id DESC);
          """)
    }
  }

  package func recordRoutingChoice(_ repository: RepositoryName, channel: String, user: UserID) async throws {
    try await changing { database in
      try database.execute(
        sql: "INSERT INTO routing_choice (channel, repository, user, chosen) VALUES (?, ?, ?, ?)",
        arguments: [channel, repository.rawValue, user.rawValue, Date().timeIntervalSince1970])
      try database.execute(
        sql: """
          DELETE FROM routing_choice WHERE channel = ?1 AND id NOT IN
            (SELECT id FROM routing_choice WHERE channel = ?1 ORDER BY id DESC LIMIT ?2)
          """,
        arguments: [channel, Self.keptChoices])
    }
  }

  /// The newest first.
  package func routingChoices(channel: String) async throws -> [RepositoryName] {
    try await reading { database in
      try String.fetchAll(
        database, sql: "SELECT repository FROM routing_choice WHERE channel = ? ORDER BY id DESC LIMIT ?",
        arguments: [channel, Self.keptChoices]
      ).map { try RepositoryName($0) }
    }
  }

  /// The repositories of a person's newest sessions, the newest first, each once.
  package func recentRepositories(of user: UserID, limit: Int = 5) async throws -> [RepositoryName] {
    try await reading { database in
      try String.fetchAll(
        database, sql: "SELECT repository FROM session WHERE owner = ? GROUP BY repository ORDER BY max(updated) DESC LIMIT ?",
        arguments: [user.rawValue, limit]
      ).map { try RepositoryName($0) }
    }
  }
}
