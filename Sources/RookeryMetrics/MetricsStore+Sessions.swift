import Foundation
import GRDB
import RookeryModel

extension MetricsStore {
  /// Sessions that began in the period, the newest first, and how many there are.
  package func sessions(
    _ span: Span, repository: RepositoryName? = nil, limit: Int
  ) async throws -> (total: Int, sessions: [Metrics.SessionFigures]) {
    try await database.read { database in
      let condition = "created >= ?1 AND created < ?2 AND (?3 IS NULL OR repository = ?3)"
      let arguments: StatementArguments = [Self.milliseconds(span.from), Self.milliseconds(span.to), repository?.rawValue]
      let total = try Int.fetchOne(database, sql: "SELECT count(*) FROM session WHERE \(condition)", arguments: arguments)
      let rows = try Row.fetchAll(
        database, sql: "SELECT * FROM session WHERE \(condition) ORDER BY created DESC, id LIMIT ?4", arguments: arguments + [limit])
      return (total ?? 0, try rows.map { try Self.figures($0, database) })
    }
  }

  /// Throws `notFound` when nothing is known of the session (yet).
  package func session(_ id: SessionID) async throws -> Metrics.SessionFigures {
    try await database.read { database in
      guard let row = try Row.fetchOne(database, sql: "SELECT * FROM session WHERE id = ?", arguments: [id.rawValue]) else {
        throw RookeryError(.notFound, "There are no figures of a session “\(id)”.", mend: "Those of a new one are there in a moment.")
      }
      return try Self.figures(row, database)
    }
  }

  private static func figures(_ row: Row, _ database: Database) throws -> Metrics.SessionFigures {
    let id: String = row["id"]
    let prompts = try Row.fetchOne(
      database,
      sql: """
        SELECT count(*) FILTER (WHERE cancelled IS NULL) AS asked, count(cancelled) AS cancelled,
          count(*) FILTER (WHERE result = 'completed') AS completed, count(*) FILTER (WHERE result = 'failed') AS failed,
          count(*) FILTER (WHERE result = 'interrupted') AS interrupted
        FROM prompt WHERE session = ?
        """, arguments: [id])
    let participants = try Int.fetchOne(database, sql: "SELECT count(*) FROM participant WHERE session = ?", arguments: [id])
    let requests = try Row.fetchAll(
      database, sql: "SELECT number, url, created, merged, closed FROM pull_request WHERE session = ? ORDER BY number", arguments: [id])
    let spend = try Row.fetchOne(database, sql: "SELECT \(Spending.columns) FROM usage u WHERE u.session = ?", arguments: [id])
      .flatMap(Spending.spend)
    func time(_ row: Row, _ column: String) -> Date? { (row[column] as Int64?).map(date) }
    var wait: Int?
    if let asked: Int64 = row["asked"], let token: Int64 = row["first_token"], token >= asked { wait = Int(token - asked) }
    return Metrics.SessionFigures(
      session: try SessionID(id), repository: try RepositoryName(row["repository"] as String), owner: try UserID(row["owner"] as String),
      created: date(row["created"]), started: time(row, "started"), firstToken: time(row, "first_token"),
      completed: time(row, "completed"),
      pullRequests: requests.map {
        .init(number: $0["number"], url: $0["url"], created: time($0, "created"), merged: time($0, "merged"), closed: time($0, "closed"))
      }, prompts: prompts?["asked"] ?? 0, cancelledPrompts: prompts?["cancelled"] ?? 0, participants: participants ?? 0,
      timeToFirstToken: wait,
      turns: .init(
        completed: prompts?["completed"] ?? 0, failed: prompts?["failed"] ?? 0, interrupted: prompts?["interrupted"] ?? 0),
      spend: spend)
  }

  /// Prompts that wait for their turn, over all sessions.
  package func waitingPrompts() async throws -> Int {
    try await database.read {
      try Int.fetchOne($0, sql: "SELECT count(*) FROM prompt WHERE started IS NULL AND cancelled IS NULL AND finished IS NULL") ?? 0
    }
  }
}
