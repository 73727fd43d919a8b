import Foundation
import GRDB
import RookeryModel

extension MetricsStore {
  package func summary(_ span: Span, repository: RepositoryName? = nil) async throws -> Metrics.Summary {
    try await database.read { database in
      Metrics.Summary(
        period: span.period, repository: repository, figures: try FigureQuery(database, span, repository).figures())
    }
  }

  /// The period in steps; throws `badRequest` when there are too many.
  package func series(_ span: Span, step: Metrics.Step, repository: RepositoryName? = nil) async throws -> Metrics.Series {
    let spans = try span.steps(step)
    // One read: every bucket is of the same moment.
    return try await database.read { database in
      Metrics.Series(
        period: span.period, step: step, repository: repository,
        buckets: try spans.map {
          Metrics.Summary(
            period: $0.period, repository: repository, figures: try FigureQuery(database, $0, repository).figures())
        })
    }
  }
}

/// The figures of one period.
struct FigureQuery {
  private let database: Database
  private let arguments: StatementArguments
  private let inRepository: String

  init(_ database: Database, _ span: Span, _ repository: RepositoryName?) {
    self.database = database
    inRepository = repository == nil ? "" : "AND s.repository = :repository"
    var arguments: StatementArguments = ["from": MetricsStore.milliseconds(span.from), "to": MetricsStore.milliseconds(span.to)]
    if let repository { arguments += ["repository": repository.rawValue] }
    self.arguments = arguments
  }

  /// Nil when nothing happened.
  func figures() throws -> Metrics.Figures? {
    let cohort = "FROM session s WHERE s.created >= :from AND s.created < :to \(inRepository)"
    let sessions = try count("SELECT count(*) \(cohort)")
    let asked = try row(
      """
      SELECT count(*), count(*) FILTER (WHERE p.cancelled IS NOT NULL), count(DISTINCT p.author)
      FROM prompt p JOIN session s ON s.id = p.session WHERE p.queued >= :from AND p.queued < :to \(inRepository)
      """)
    let created = try row(
      """
      SELECT count(*), count(q.merged) FROM pull_request q JOIN session s ON s.id = q.session
      WHERE q.created >= :from AND q.created < :to \(inRepository)
      """)
    let merged = try count(
      "SELECT count(*) FROM pull_request q JOIN session s ON s.id = q.session WHERE q.merged >= :from AND q.merged < :to \(inRepository)")
    let turns = try turns()
    let spend = try spend()
    guard sessions + asked[0] + created[0] + merged + turns.completed + turns.failed + turns.interrupted > 0 || spend != nil else {
      return nil
    }
    let prompts = try count(
      "SELECT count(*) FROM prompt p WHERE p.cancelled IS NULL AND p.session IN (SELECT s.id \(cohort))")
    let multiplayer = try count(
      "SELECT count(*) \(cohort) AND (SELECT count(DISTINCT p.author) FROM prompt p WHERE p.session = s.id) > 1")
    let completed = try count("SELECT count(*) \(cohort) AND s.completed IS NOT NULL")
    // A clock that was set back makes no negative wait: what it measured is no sample.
    let waits = try Int.fetchAll(
      database, sql: "SELECT s.first_token - s.asked \(cohort) AND s.first_token >= s.asked", arguments: arguments)
    return Metrics.Figures(
      sessions: sessions, prompts: asked[0] - asked[1], cancelledPrompts: asked[1], users: asked[2],
      pullRequestsCreated: created[0], pullRequestsMerged: merged, mergeRate: .init(created[1], of: created[0]),
      multiplayer: .init(multiplayer, of: sessions), completed: .init(completed, of: sessions),
      promptsPerSession: .init(prompts, of: sessions), timeToFirstToken: .init(waits, of: sessions), turns: turns,
      spend: spend ?? .init(inputTokens: 0, outputTokens: 0, requests: 0, unpricedRequests: 0, costMicroUSD: nil))
  }

  private func turns() throws -> Metrics.Turns {
    let row = try row(
      """
      SELECT count(*) FILTER (WHERE p.result = 'completed'), count(*) FILTER (WHERE p.result = 'failed'),
        count(*) FILTER (WHERE p.result = 'interrupted')
      FROM prompt p JOIN session s ON s.id = p.session WHERE p.finished >= :from AND p.finished < :to \(inRepository)
      """)
    return Metrics.Turns(completed: row[0], failed: row[1], interrupted: row[2])
  }

  /// Nil when the model API was not asked.
  private func spend() throws -> Metrics.Spend? {
    try Row.fetchOne(
      database,
      sql: """
        SELECT \(Spending.columns) FROM usage u JOIN session s ON s.id = u.session
        WHERE u.time >= :from AND u.time < :to \(inRepository)
        """, arguments: arguments
    ).flatMap(Spending.spend)
  }

  private func count(_ sql: String) throws -> Int { try Int.fetchOne(database, sql: sql, arguments: arguments) ?? 0 }

  private func row(_ sql: String) throws -> [Int] {
    guard let row = try Row.fetchOne(database, sql: sql, arguments: arguments) else { return [0, 0, 0] }
    return row.databaseValues.map { Int.fromDatabaseValue($0) ?? 0 }
  }
}

/// How usage is added up.
enum Spending {
  static let columns = """
    coalesce(sum(u.input), 0) AS input, coalesce(sum(u.output), 0) AS output, coalesce(sum(u.requests), 0) AS requests,
    coalesce(sum(u.requests) FILTER (WHERE u.cost IS NULL), 0) AS unpriced, sum(u.cost) AS cost, count(u.seq) AS entries
    """

  /// Nil when there was none.
  static func spend(_ row: Row) -> Metrics.Spend? {
    guard row["entries"] as Int > 0 else { return nil }
    return Metrics.Spend(
      inputTokens: row["input"], outputTokens: row["output"], requests: row["requests"], unpricedRequests: row["unpriced"],
      costMicroUSD: row["cost"])
  }
}
