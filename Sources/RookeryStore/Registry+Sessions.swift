import Foundation
import GRDB
import RookeryModel

/// The registry's part in sessions: intents of creation, and the index that follows the sessions' files.
extension Registry {
  /// Records that `request` makes a session, or returns what an earlier record says: its session and body.
  /// A repetition finds the first one's session, whether or not its file was made before a crash.
  package func intend(request: String, body: Data, session: SessionID, user: UserID) throws -> (session: SessionID, body: Data) {
    try database.write { database in
      if let row = try Row.fetchOne(
        database, sql: "SELECT session, body FROM session_intent WHERE request = ?", arguments: [request])
      {
        return (try SessionID(row[0] as String), row[1])
      }
      try database.execute(
        sql: "INSERT INTO session_intent (request, body, session, user) VALUES (?, ?, ?, ?)",
        arguments: [request, body, session.rawValue, user.rawValue])
      return (session, body)
    }
  }

  /// Brings the index up to a session's summary; an older summary than the index has is ignored.
  package func index(_ summary: SessionSummary) throws {
    try database.write { database in
      try database.execute(
        sql: """
          INSERT INTO session (id, repository, owner, state, updated, seq, summary) VALUES (?, ?, ?, ?, ?, ?, ?)
          ON CONFLICT (id) DO UPDATE SET state = excluded.state, updated = excluded.updated, seq = excluded.seq,
            summary = excluded.summary WHERE excluded.seq >= session.seq
          """,
        arguments: [
          summary.id.rawValue, summary.repository.rawValue, summary.owner.user.rawValue, summary.state.rawValue,
          summary.updated.timeIntervalSince1970, summary.seq, JSON.encode(summary),
        ])
    }
  }

  /// Newest first.
  package func sessions(repository: RepositoryName?, limit: Int) throws -> [SessionSummary] {
    try database.read { database in
      try Data.fetchAll(
        database,
        sql: "SELECT summary FROM session WHERE ?1 IS NULL OR repository = ?1 ORDER BY updated DESC LIMIT ?2",
        arguments: [repository?.rawValue, limit]
      ).map { try JSON.decode(SessionSummary.self, from: $0) }
    }
  }
}
