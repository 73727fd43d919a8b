import Foundation
import GRDB
import RookeryModel

/// Pull requests that wait for an account.
extension Registry {
  package func hold(_ session: SessionID, for user: UserID) async throws {
    try await changing { database in
      try database.execute(
        sql:
          "INSERT INTO held_pull_request (session, user, since) VALUES (?, ?, ?) ON CONFLICT (session) DO UPDATE SET user = excluded.user",
        arguments: [session.rawValue, user.rawValue, Date().timeIntervalSince1970])
    }
  }

  package func release(_ session: SessionID) async throws {
    try await changing { try $0.execute(sql: "DELETE FROM held_pull_request WHERE session = ?", arguments: [session.rawValue]) }
  }

  /// The sessions that wait for this person, the oldest first.
  package func held(for user: UserID) async throws -> [SessionID] {
    try await reading { database in
      try String.fetchAll(
        database, sql: "SELECT session FROM held_pull_request WHERE user = ? ORDER BY since", arguments: [user.rawValue]
      ).map { try SessionID($0) }
    }
  }

  package func usersWithHeld() async throws -> [UserID] {
    try await reading { try String.fetchAll($0, sql: "SELECT DISTINCT user FROM held_pull_request").map { try UserID($0) } }
  }
}

/// How far a repository's pull requests are known.
extension Registry {
  /// Everything that changed up to this moment has been seen; nil: nothing has.
  package func forgeSeen(_ repository: RepositoryName) async throws -> Date? {
    try await reading { database in
      try Double.fetchOne(database, sql: "SELECT seen FROM forge_repository WHERE repository = ?", arguments: [repository.rawValue])
        .map { Date(timeIntervalSince1970: $0) }
    }
  }

  package func setForgeSeen(_ repository: RepositoryName, _ date: Date) async throws {
    try await changing { database in
      try database.execute(
        sql: "INSERT INTO forge_repository (repository, seen) VALUES (?, ?) ON CONFLICT (repository) DO UPDATE SET seen = excluded.seen",
        arguments: [repository.rawValue, date.timeIntervalSince1970])
    }
  }
}

/// Conversations at the forge.
extension Registry {
  package struct ForgeConversation: Sendable, Equatable {
    package var repository: RepositoryName
    package var issue: Int
    package var session: SessionID
    /// The prompt whose end was not told there so far.
    package var prompt: PromptID?
    /// The review's thread that it came from.
    package var thread: Int64?

    package init(repository: RepositoryName, issue: Int, session: SessionID, prompt: PromptID?, thread: Int64?) {
      self.repository = repository
      self.issue = issue
      self.session = session
      self.prompt = prompt
      self.thread = thread
    }
  }

  package func conversation(_ repository: RepositoryName, issue: Int) async throws -> ForgeConversation? {
    try await reading { database in
      try Row.fetchOne(
        database, sql: "SELECT * FROM forge_conversation WHERE repository = ? AND issue = ?", arguments: [repository.rawValue, issue]
      ).map(Self.conversation)
    }
  }

  /// Those that wait to be told how a prompt ended.
  package func waitingConversations() async throws -> [ForgeConversation] {
    try await reading { database in
      try Row.fetchAll(database, sql: "SELECT * FROM forge_conversation WHERE prompt IS NOT NULL").map(Self.conversation)
    }
  }

  package func setConversation(_ talk: ForgeConversation) async throws {
    try await changing { database in
      try database.execute(
        sql: """
          INSERT INTO forge_conversation (repository, issue, session, prompt, thread) VALUES (?, ?, ?, ?, ?)
          ON CONFLICT (repository, issue) DO UPDATE SET session = excluded.session, prompt = excluded.prompt, thread = excluded.thread
          """,
        arguments: [talk.repository.rawValue, talk.issue, talk.session.rawValue, talk.prompt?.rawValue, talk.thread])
    }
  }

  private static func conversation(_ row: Row) throws -> ForgeConversation {
    ForgeConversation(
      repository: try RepositoryName(row["repository"] as String), issue: row["issue"], session: try SessionID(row["session"] as String),
      prompt: try (row["prompt"] as String?).map { try PromptID($0) }, thread: row["thread"])
  }
}

/// What webhooks brought: kept until it is done, and its id a while longer, so that a repetition is known.
extension Registry {
  package struct Delivery: Sendable, Equatable {
    package var id: String
    package var event: String
    package var body: Data
    package var attempts: Int
  }

  /// Days for which a delivery's id is kept: longer than the forge keeps what it could send again.
  private static let deliveryDays = 10.0
  /// After so many attempts a delivery is given up.
  package static let deliveryAttempts = 8

  /// False when it came before.
  package func accept(_ id: String, event: String, body: Data, now: Date = Date()) async throws -> Bool {
    try await changing { database in
      let time = now.timeIntervalSince1970
      try database.execute(
        sql: "DELETE FROM delivery WHERE done IS NOT NULL AND received < ?", arguments: [time - Self.deliveryDays * 86_400])
      try database.execute(
        sql: "INSERT INTO delivery (id, event, body, received, attempts, due) VALUES (?, ?, ?, ?, 0, ?) ON CONFLICT DO NOTHING",
        arguments: [id, event, body, time, time])
      return database.changesCount == 1
    }
  }

  /// The next one that is due, the oldest first.
  package func nextDelivery(now: Date = Date()) async throws -> Delivery? {
    try await reading { database in
      try Row.fetchOne(
        database, sql: "SELECT id, event, body, attempts FROM delivery WHERE done IS NULL AND due <= ? ORDER BY received, id LIMIT 1",
        arguments: [now.timeIntervalSince1970]
      ).map { Delivery(id: $0[0], event: $0[1], body: $0[2], attempts: $0[3]) }
    }
  }

  /// It is done, or, with `problem`, tried again later: doubling from ten seconds, until it is given up.
  package func settleDelivery(_ id: String, problem: String? = nil, now: Date = Date()) async throws {
    try await changing { database in
      let time = now.timeIntervalSince1970
      guard let problem else {
        return try database.execute(sql: "UPDATE delivery SET done = ?, body = x'', problem = NULL WHERE id = ?", arguments: [time, id])
      }
      let attempts = (try Int.fetchOne(database, sql: "SELECT attempts FROM delivery WHERE id = ?", arguments: [id]) ?? 0) + 1
      let isOver = attempts >= Self.deliveryAttempts
      try database.execute(
        sql: "UPDATE delivery SET attempts = ?, due = ?, done = ?, problem = ? WHERE id = ?",
        arguments: [attempts, time + 10 * Double(1 << min(attempts - 1, 10)), isOver ? time : nil, String(problem.prefix(1000)), id])
    }
  }
}
