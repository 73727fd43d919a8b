import Foundation
import GRDB
import RookeryModel

/// A session's log, read by someone who is not its writer: no locks are held beyond a read, and nothing is made or migrated.
package struct SessionLog: Sendable {
  /// A stretch of the log, of which only some events are given.
  package struct Page: Sendable {
    package var generation: Int
    /// The newest event's seq.
    package var last: Int64
    /// Everything up to here was looked at.
    package var through: Int64
    package var events: [Event]
  }

  private let database: DatabaseQueue

  /// Throws `notFound` when the session has no file.
  package init(directory: String, session: SessionID) throws {
    guard SessionStore.exists(directory: directory, session: session) else {
      throw RookeryError(.notFound, "There is no session “\(session)”.")
    }
    var configuration = GRDB.Configuration()
    configuration.label = "session-log"
    configuration.readonly = true
    configuration.busyMode = .timeout(5)
    configuration.prepareDatabase { try $0.execute(sql: "PRAGMA cache_size = -256") }
    database = try DatabaseQueue(path: "\(directory)/\(session)/session.sqlite", configuration: configuration)
  }

  /// Of the `limit` events after `after`: those of the given kinds, and the first of each turn that is of one of the kinds
  /// `firstOfTurn`. What an agent writes to its stderr is no first sign of it.
  package func page(after: Int64, limit: Int, kinds: [String], firstOfTurn: [String]) throws -> Page {
    try database.read { database in
      let generation = try Int.fetchOne(database, sql: "SELECT generation FROM meta") ?? 0
      let last = try Int64.fetchOne(database, sql: "SELECT max(seq) FROM event") ?? 0
      let through = min(last, after + Int64(limit))
      let wanted = kinds.map { _ in "?" }.joined(separator: ", ")
      let first = firstOfTurn.map { _ in "?" }.joined(separator: ", ")
      let json = try Data.fetchAll(
        database,
        sql: """
          SELECT json FROM event WHERE seq > ? AND seq <= ? AND (kind IN (\(wanted)) OR seq IN (
            SELECT min(seq) FROM event WHERE seq > ? AND seq <= ? AND kind IN (\(first))
              AND (kind <> 'agent.output' OR json_extract(CAST(json AS TEXT), '$.payload.stream') = 'stdout')
            GROUP BY turn))
          ORDER BY seq
          """,
        arguments: StatementArguments([after, through] as [Int64]) + StatementArguments(kinds)
          + StatementArguments([after, through] as [Int64]) + StatementArguments(firstOfTurn))
      return Page(
        generation: generation, last: last, through: through, events: try json.map { try JSON.decode(Event.self, from: $0) })
    }
  }
}
