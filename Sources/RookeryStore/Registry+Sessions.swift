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
          INSERT INTO session (id, repository, owner, state, updated, seq, summary)
          SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7 WHERE NOT EXISTS (SELECT 1 FROM session_tombstone WHERE id = ?1)
          ON CONFLICT (id) DO UPDATE SET state = excluded.state, updated = excluded.updated, seq = excluded.seq,
            summary = excluded.summary WHERE excluded.seq >= session.seq
          """,
        arguments: [
          summary.id.rawValue, summary.repository.rawValue, summary.owner.user.rawValue, summary.state.rawValue,
          summary.updated.timeIntervalSince1970, summary.seq, JSON.encode(summary),
        ])
    }
  }

  /// Marks a session as deleted: no list shows it, and `buried` names it until it is forgotten.
  package func bury(_ session: SessionID) throws {
    try database.write { database in
      try database.execute(sql: "INSERT INTO session_tombstone (id) VALUES (?) ON CONFLICT DO NOTHING", arguments: [session.rawValue])
      try database.execute(sql: "DELETE FROM session WHERE id = ?", arguments: [session.rawValue])
    }
  }

  /// Sessions whose removal is not finished.
  package func buried() throws -> [SessionID] {
    try database.read { try String.fetchAll($0, sql: "SELECT id FROM session_tombstone").map { try SessionID($0) } }
  }

  /// Nothing is left of a deleted session.
  package func forget(_ session: SessionID) throws {
    try database.write { database in
      for table in ["session", "session_tombstone"] {
        try database.execute(sql: "DELETE FROM \(table) WHERE id = ?", arguments: [session.rawValue])
      }
      // The request id is used up all the same, but what was asked is not kept.
      try database.execute(sql: "UPDATE session_intent SET body = x'' WHERE session = ?", arguments: [session.rawValue])
    }
  }

  /// Newest first, of those that `isShown` admits.
  package func sessions(
    repository: RepositoryName?, limit: Int, where isShown: (SessionSummary) -> Bool = { _ in true }
  ) throws -> [SessionSummary] {
    try database.read { database in
      let rows = try Data.fetchCursor(
        database, sql: "SELECT summary FROM session WHERE ?1 IS NULL OR repository = ?1 ORDER BY updated DESC",
        arguments: [repository?.rawValue])
      var found: [SessionSummary] = []
      while found.count < limit, let row = try rows.next() {
        let summary = try JSON.decode(SessionSummary.self, from: row)
        if isShown(summary) { found.append(summary) }
      }
      return found
    }
  }
}
