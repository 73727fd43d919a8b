import Foundation
import GRDB
import RookeryModel

/// Every merged pull request of a repository, whoever made it: what the share of those made here is taken of. The forge's webhooks
/// and lists fill it; it is a fact of its own and follows from no session.
extension Registry {
  package struct MergedPullRequest: Sendable, Equatable {
    package var repository: RepositoryName
    package var number: Int
    package var url: String
    package var merged: Date

    package init(repository: RepositoryName, number: Int, url: String, merged: Date) {
      self.repository = repository
      self.number = number
      self.url = url
      self.merged = merged
    }
  }

  static func registerMerges(in migrator: inout DatabaseMigrator) {
    migrator.registerMigration("stats-merges") { database in
      try database.execute(
        sql: """
          CREATE TABLE merged_pull_request (
            repository TEXT NOT NULL, number INTEGER NOT NULL, url TEXT NOT NULL, merged REAL NOT NULL, PRIMARY KEY (repository, number)
          ) STRICT, WITHOUT ROWID;
          CREATE INDEX merged_pull_request_by_time ON merged_pull_request (repository, merged);
          -- From when on every merge of a repository is in the table above.
          CREATE TABLE merges_known (repository TEXT PRIMARY KEY, since REAL NOT NULL) STRICT;
          """)
    }
  }

  /// Records merges; one that is known already stays as it is.
  package func recordMerged(_ requests: [MergedPullRequest]) async throws {
    try await database.write { database in
      for request in requests {
        try database.execute(
          sql: "INSERT INTO merged_pull_request (repository, number, url, merged) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
          arguments: [request.repository.rawValue, request.number, request.url, request.merged.timeIntervalSince1970])
      }
    }
  }

  /// Says that from `since` on every merge of the repository was and will be recorded. An earlier time wins: call it when webhooks
  /// begin to come, and again with an earlier time when older merges were read from the forge.
  package func mergesAreKnown(of repository: RepositoryName, since: Date) async throws {
    try await database.write { database in
      try database.execute(
        sql: """
          INSERT INTO merges_known (repository, since) VALUES (?, ?)
          ON CONFLICT (repository) DO UPDATE SET since = min(since, excluded.since)
          """, arguments: [repository.rawValue, since.timeIntervalSince1970])
    }
  }

  /// After a time in which merges may have been missed: what is known begins anew at `since`, nil for not at all.
  package func mergesAreUnknown(of repository: RepositoryName, until since: Date?) async throws {
    try await database.write { database in
      try database.execute(sql: "DELETE FROM merges_known WHERE repository = ?", arguments: [repository.rawValue])
      guard let since else { return }
      try database.execute(
        sql: "INSERT INTO merges_known (repository, since) VALUES (?, ?)",
        arguments: [repository.rawValue, since.timeIntervalSince1970])
    }
  }

  /// The merges of a repository in a half-open period, and from when on they are all known; nil: they are not.
  package func merges(
    of repository: RepositoryName, from: Date, to: Date
  ) async throws -> (since: Date, requests: [MergedPullRequest])? {
    try await database.read { database in
      guard
        let since = try Double.fetchOne(
          database, sql: "SELECT since FROM merges_known WHERE repository = ?", arguments: [repository.rawValue])
      else { return nil }
      let rows = try Row.fetchAll(
        database,
        sql: "SELECT number, url, merged FROM merged_pull_request WHERE repository = ? AND merged >= ? AND merged < ? ORDER BY number",
        arguments: [repository.rawValue, max(since, from.timeIntervalSince1970), to.timeIntervalSince1970])
      return (
        Date(timeIntervalSince1970: since),
        rows.map {
          MergedPullRequest(repository: repository, number: $0[0], url: $0[1], merged: Date(timeIntervalSince1970: $0[2]))
        }
      )
    }
  }

  /// Sessions by state, for the operator's monitoring.
  package func sessionStates() async throws -> [String: Int] {
    try await database.read { database in
      let rows = try Row.fetchAll(database, sql: "SELECT state, count(*) FROM session GROUP BY state")
      return Dictionary(rows.map { ($0[0], $0[1]) }, uniquingKeysWith: { $1 })
    }
  }
}
