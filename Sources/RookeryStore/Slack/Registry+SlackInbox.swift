import Foundation
import GRDB
import RookeryModel

/// What came from Slack, kept before it is acknowledged and until it is dealt with.
extension Registry {
  package struct SlackDelivery: Sendable, Equatable {
    package var id: Int64
    /// `events_api`, `interactive`.
    package var kind: String
    package var body: Data
    package var attempts: Int
  }

  /// Seconds that a delivery which was dealt with is remembered: Slack repeats within minutes.
  private static let remembered: Double = 86_400
  /// Deliveries that may wait; beyond it the sender is told to come again.
  private static let capacity = 50_000

  static func registerSlack(in migrator: inout DatabaseMigrator) {
    migrator.registerMigration("slack-2 conversations") { database in
      try database.execute(
        sql: """
          -- Ids are never used again: readers go on after the newest that they saw.
          CREATE TABLE slack_inbox (
            id INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, body BLOB NOT NULL, received REAL NOT NULL,
            attempts INTEGER NOT NULL DEFAULT 0, done INTEGER NOT NULL DEFAULT 0
          ) STRICT;
          CREATE INDEX slack_inbox_waiting ON slack_inbox (done, id);
          -- Who of Slack is who here.
          CREATE TABLE slack_person (
            team TEXT NOT NULL, person TEXT NOT NULL, user TEXT NOT NULL REFERENCES user(id) ON DELETE CASCADE, linked REAL NOT NULL,
            PRIMARY KEY (team, person)
          ) STRICT, WITHOUT ROWID;
          CREATE TABLE slack_link (
            hash BLOB PRIMARY KEY, team TEXT NOT NULL, person TEXT NOT NULL, name TEXT NOT NULL, expires REAL NOT NULL
          ) STRICT;
          -- A thread, and what it belongs to: a session, or a question that waits for its answer.
          CREATE TABLE slack_thread (
            channel TEXT NOT NULL, thread TEXT NOT NULL, session TEXT, pending BLOB, shown INTEGER NOT NULL DEFAULT 0, began REAL NOT NULL,
            PRIMARY KEY (channel, thread)
          ) STRICT, WITHOUT ROWID;
          CREATE INDEX slack_thread_by_session ON slack_thread (session);
          -- People's messages that became prompts.
          CREATE TABLE slack_prompt (
            channel TEXT NOT NULL, ts TEXT NOT NULL, thread TEXT NOT NULL, session TEXT NOT NULL, prompt TEXT NOT NULL UNIQUE,
            person TEXT NOT NULL, PRIMARY KEY (channel, ts)
          ) STRICT, WITHOUT ROWID;
          -- Messages of ours. `ts` is null from before it is posted until Slack said where it is.
          CREATE TABLE slack_message (
            channel TEXT NOT NULL, thread TEXT NOT NULL, key TEXT NOT NULL, ts TEXT, digest TEXT,
            PRIMARY KEY (channel, thread, key)
          ) STRICT, WITHOUT ROWID;
          CREATE TABLE slack_feedback (
            session TEXT NOT NULL, turn INTEGER NOT NULL, user TEXT NOT NULL, verdict TEXT NOT NULL, given REAL NOT NULL,
            PRIMARY KEY (session, turn, user)
          ) STRICT, WITHOUT ROWID;
          """)
    }
  }

  /// Keeps a delivery unless it was kept before; false: it was. Throws `unavailable` when too many wait.
  package func keepSlackDelivery(event: String, kind: String, body: Data) async throws -> Bool {
    let now = Date().timeIntervalSince1970
    return try await changing { database in
      let waiting = try Int.fetchOne(database, sql: "SELECT count(*) FROM slack_inbox WHERE done = 0") ?? 0
      guard waiting < Self.capacity else {
        throw RookeryError(.unavailable, "Too many messages from Slack wait.", mend: "It sends them again later.")
      }
      try database.execute(
        sql: "INSERT INTO slack_inbox (event, kind, body, received) VALUES (?, ?, ?, ?) ON CONFLICT (event) DO NOTHING",
        arguments: [event, kind, body, now])
      let isNew = database.changesCount == 1
      try database.execute(sql: "DELETE FROM slack_inbox WHERE done = 1 AND received < ?", arguments: [now - Self.remembered])
      return isNew
    }
  }

  /// Those that wait, in the order in which they came.
  package func waitingSlackDeliveries(after id: Int64, limit: Int = 200) async throws -> [SlackDelivery] {
    try await reading { database in
      try Row.fetchAll(
        database, sql: "SELECT id, kind, body, attempts FROM slack_inbox WHERE done = 0 AND id > ? ORDER BY id LIMIT ?",
        arguments: [id, limit]
      ).map { SlackDelivery(id: $0["id"], kind: $0["kind"], body: $0["body"], attempts: $0["attempts"]) }
    }
  }

  /// It was dealt with; only that it came is remembered.
  package func slackDeliveryIsDone(_ id: Int64) async throws {
    try await changing { try $0.execute(sql: "UPDATE slack_inbox SET done = 1, body = x'' WHERE id = ?", arguments: [id]) }
  }

  /// It failed and is tried again.
  package func slackDeliveryFailed(_ id: Int64) async throws {
    try await changing { try $0.execute(sql: "UPDATE slack_inbox SET attempts = attempts + 1 WHERE id = ?", arguments: [id]) }
  }
}
