import Foundation
import GRDB
import RookeryModel
import RookeryStore

extension MetricsStore {
  /// How far back “now” reaches.
  package static let liveSeconds = 300

  /// Who prompted within the last five minutes.
  package func live(now: Date = Date(), withNames: Bool) async throws -> Metrics.Live {
    try await database.read { database in
      let from = Self.milliseconds(now.addingTimeInterval(-Double(Self.liveSeconds)))
      let rows = try Row.fetchAll(
        database,
        sql: """
          SELECT DISTINCT p.author, coalesce(a.name, '') FROM prompt p
          LEFT JOIN participant a ON a.session = p.session AND a.user = p.author
          WHERE p.queued > ? AND p.queued <= ? ORDER BY 2, 1
          """, arguments: [from, Self.milliseconds(now)])
      var people: [Metrics.Person] = []
      for row in rows {
        let user = try UserID(row[0] as String)
        if !people.contains(where: { $0.user == user }) { people.append(.init(user: user, name: row[1])) }
      }
      let sessions = try Int.fetchOne(
        database, sql: "SELECT count(DISTINCT session) FROM prompt WHERE queued > ? AND queued <= ?",
        arguments: [from, Self.milliseconds(now)])
      return Metrics.Live(
        seconds: Self.liveSeconds, people: people.count, sessions: sessions ?? 0, names: withNames ? people : nil)
    }
  }

  /// Those that did something in the period, by name, and those of `named` that did not.
  package func repositories(_ span: Span, named: [RepositoryName], registry: Registry) async throws -> [Metrics.RepositoryFigures] {
    let active = try await database.read { database in
      try String.fetchAll(database, sql: "SELECT DISTINCT repository FROM session").compactMap(RepositoryName.init(rawValue:))
    }
    var result: [Metrics.RepositoryFigures] = []
    for name in Set(active).union(named).sorted() {
      let figures = try await summary(span, repository: name).figures
      guard figures != nil || named.contains(name) else { continue }
      result.append(.init(repository: name, figures: figures, mergedShare: try await share(of: name, span, registry)))
    }
    return result
  }

  private func share(of repository: RepositoryName, _ span: Span, _ registry: Registry) async throws -> Metrics.MergedShare? {
    let until = min(span.to, Date())
    guard let merges = try await registry.merges(of: repository, from: span.from, to: until) else { return nil }
    let from = max(span.from, merges.since)
    guard from < until else { return nil }
    let ours = try await database.read { database in
      try Set(
        Int.fetchAll(
          database, sql: "SELECT q.number FROM pull_request q JOIN session s ON s.id = q.session WHERE s.repository = ?",
          arguments: [repository.rawValue]))
    }
    let made = merges.requests.count { ours.contains($0.number) }
    return .init(ratio: .init(made, of: merges.requests.count), from: from, to: until)
  }

  /// Those who prompted, or whose turns used tokens, in the period: the largest cost first, then the most tokens.
  /// - Parameter user: only this one.
  package func users(_ span: Span, user: UserID?, limit: Int) async throws -> [Metrics.UserFigures] {
    try await database.read { database in
      let arguments: StatementArguments = [
        "from": Self.milliseconds(span.from), "to": Self.milliseconds(span.to), "user": user?.rawValue, "limit": limit,
      ]
      return try Row.fetchAll(
        database,
        sql: """
          WITH asked AS (
            SELECT author, count(*) FILTER (WHERE cancelled IS NULL) AS prompts, count(DISTINCT session) AS sessions
            FROM prompt WHERE queued >= :from AND queued < :to GROUP BY author
          ), used AS (
            SELECT u.author, \(Spending.columns) FROM usage u WHERE u.time >= :from AND u.time < :to GROUP BY u.author
          )
          SELECT * FROM (
            SELECT author FROM asked UNION SELECT author FROM used
          ) LEFT JOIN asked USING (author) LEFT JOIN used USING (author) WHERE author <> '' AND (:user IS NULL OR author = :user)
          ORDER BY coalesce(cost, 0) DESC, coalesce(input, 0) + coalesce(output, 0) DESC, coalesce(prompts, 0) DESC, author LIMIT :limit
          """, arguments: arguments
      ).map { row in
        let name = try String.fetchOne(
          database,
          sql: """
            SELECT a.name FROM participant a JOIN session s ON s.id = a.session WHERE a.user = ?
            ORDER BY s.created DESC, s.id LIMIT 1
            """, arguments: [row["author"] as String])
        return Metrics.UserFigures(
          user: try UserID(row["author"] as String), name: name ?? "", sessions: row["sessions"] ?? 0, prompts: row["prompts"] ?? 0,
          spend: .init(
            inputTokens: row["input"] ?? 0, outputTokens: row["output"] ?? 0, requests: row["requests"] ?? 0,
            unpricedRequests: row["unpriced"] ?? 0, costMicroUSD: row["cost"]))
      }
    }
  }
}
