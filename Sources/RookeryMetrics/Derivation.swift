import Foundation
import GRDB
import RookeryModel
import RookeryStore

/// How events become rows, within one transaction.
struct Derivation {
  let database: Database

  /// Kinds that say something; all others only move the cursor.
  static let kinds = [
    "session.created", "prompt.queued", "prompt.cancelled", "turn.started", "turn.finished", "usage", "pull_request.opened",
    "pull_request.updated", "pull_request.merged", "pull_request.closed",
  ]
  /// An agent's signs of life: the first of a turn is its first token.
  static let signs = ["agent.message", "agent.thought", "agent.output", "tool.call", "plan"]

  func cursor(of session: SessionID) throws -> (generation: Int, seq: Int64)? {
    try Row.fetchOne(database, sql: "SELECT generation, seq FROM cursor WHERE session = ?", arguments: [session.rawValue])
      .map { ($0[0], $0[1]) }
  }

  /// Forgets everything of a session.
  func remove(_ session: SessionID) throws {
    for table in MetricsStore.tables {
      let column = table == "session" ? "id" : "session"
      try database.execute(sql: "DELETE FROM \(table) WHERE \(column) = ?", arguments: [session.rawValue])
    }
  }

  /// Takes in a stretch of a log that begins after the cursor; false, and nothing happens, when it does not.
  func take(_ page: SessionLog.Page, of session: SessionID, after: Int64) throws -> Bool {
    let known = try cursor(of: session)
    guard (known?.seq ?? 0) == after, known == nil || known?.generation == page.generation else { return false }
    for event in page.events { try take(event, of: session) }
    try database.execute(
      sql: """
        INSERT INTO cursor (session, generation, seq) VALUES (?, ?, ?)
        ON CONFLICT (session) DO UPDATE SET seq = excluded.seq
        """, arguments: [session.rawValue, page.generation, page.through])
    return true
  }

  private func take(_ event: Event, of session: SessionID) throws {
    let time = MetricsStore.milliseconds(event.time)
    let id = session.rawValue
    switch event.payload {
    case .sessionCreated(let body):
      try run(
        "INSERT INTO session (id, repository, owner, created) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        [id, body.repository.rawValue, body.owner.user.rawValue, time])
      try join(body.owner, id)
    case .promptQueued(let body):
      try run(
        "INSERT INTO prompt (session, id, author, queued) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        [id, body.prompt.rawValue, body.author.user.rawValue, time])
      try run("UPDATE session SET asked = coalesce(asked, ?) WHERE id = ?", [time, id])
      try join(body.author, id)
    case .promptCancelled(let body):
      try run(
        "UPDATE prompt SET cancelled = coalesce(cancelled, ?) WHERE session = ? AND id = ?", [time, id, body.prompt.rawValue])
    case .turnStarted(let body):
      try run(
        "UPDATE prompt SET turn = coalesce(turn, ?), started = coalesce(started, ?) WHERE session = ? AND id = ?",
        [event.turn, time, id, body.prompt.rawValue])
      try run("UPDATE session SET started = coalesce(started, ?) WHERE id = ?", [time, id])
    case .turnFinished(let body):
      try run(
        "UPDATE prompt SET finished = coalesce(finished, ?), result = coalesce(result, ?) WHERE session = ? AND id = ?",
        [time, body.result.rawValue, id, body.prompt.rawValue])
      if body.result == .completed { try run("UPDATE session SET completed = coalesce(completed, ?) WHERE id = ?", [time, id]) }
    case .usage(let body): try take(body, of: id, event)
    case .pullRequestOpened(let body), .pullRequestUpdated(let body):
      // A crash between the opening and its record leaves an update as the first that is heard of it.
      try pullRequest(id, body.number, body.url, set: "created", time)
    case .pullRequestMerged(let body):
      try pullRequest(id, body.number, body.url, set: "merged", body.at.map(MetricsStore.milliseconds) ?? time)
    case .pullRequestClosed(let body):
      try pullRequest(id, body.number, body.url, set: "closed", body.at.map(MetricsStore.milliseconds) ?? time)
    case .agentMessage, .agentThought, .agentOutput, .toolCall, .plan:
      try run("UPDATE session SET first_token = coalesce(first_token, ?) WHERE id = ?", [time, id])
      try run(
        "UPDATE prompt SET first_token = coalesce(first_token, ?) WHERE session = ? AND turn = ?", [time, id, event.turn])
    default: break
    }
  }

  /// Tokens are the prompting author's: of the turn that they belong to, else of the newest turn, else the owner's.
  private func take(_ usage: Usage, of session: String, _ event: Event) throws {
    try run(
      """
      INSERT INTO usage (session, seq, time, author, input, output, requests, cost)
      SELECT ?1, ?2, ?3, coalesce(
        (SELECT author FROM prompt WHERE session = ?1 AND turn = ?4),
        (SELECT author FROM prompt WHERE session = ?1 AND turn IS NOT NULL ORDER BY turn DESC LIMIT 1),
        (SELECT owner FROM session WHERE id = ?1), ''), ?5, ?6, ?7, ?8
      """,
      [
        session, event.seq, MetricsStore.milliseconds(event.time), event.turn, usage.inputTokens, usage.outputTokens, usage.requests,
        usage.costMicroUSD,
      ])
  }

  private func join(_ person: Author, _ session: String) throws {
    try run(
      "INSERT INTO participant (session, user, name) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET name = excluded.name",
      [session, person.user.rawValue, person.name])
  }

  /// `column` is one of ours. The first time stands: webhooks come more than once.
  private func pullRequest(_ session: String, _ number: Int, _ url: String, set column: String, _ time: Int64) throws {
    try run(
      """
      INSERT INTO pull_request (session, url, number, \(column)) VALUES (?, ?, ?, ?)
      ON CONFLICT DO UPDATE SET \(column) = coalesce(\(column), excluded.\(column))
      """, [session, url, number, time])
  }

  private func run(_ sql: String, _ arguments: [(any DatabaseValueConvertible)?]) throws {
    try database.cachedStatement(sql: sql).execute(arguments: StatementArguments(arguments))
  }
}
