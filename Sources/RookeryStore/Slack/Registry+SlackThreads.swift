import Foundation
import GRDB
import RookeryModel

/// Threads of Slack: what they belong to, and which messages there are ours.
extension Registry {
  package struct SlackThread: Sendable, Equatable {
    package var channel: String
    package var thread: String
    package var session: SessionID?
    /// The request that waits for somebody to choose its repository.
    package var pending: Data?
    /// Everything up to this event of the session is shown in the thread.
    package var shown: Int64
  }

  package struct SlackPrompt: Sendable, Equatable {
    package var channel: String
    package var ts: String
    package var thread: String
    package var session: SessionID
    package var prompt: PromptID
    package var person: String

    package init(channel: String, ts: String, thread: String, session: SessionID, prompt: PromptID, person: String) {
      self.channel = channel
      self.ts = ts
      self.thread = thread
      self.session = session
      self.prompt = prompt
      self.person = person
    }
  }

  package func slackThread(channel: String, thread: String) async throws -> SlackThread? {
    try await reading { database in
      try Row.fetchOne(
        database, sql: "SELECT * FROM slack_thread WHERE channel = ? AND thread = ?", arguments: [channel, thread]
      ).map(Self.slackThread)
    }
  }

  private static func slackThread(_ row: Row) throws -> SlackThread {
    SlackThread(
      channel: row["channel"], thread: row["thread"], session: try (row["session"] as String?).map { try SessionID($0) },
      pending: row["pending"], shown: row["shown"])
  }

  /// A question waits in the thread; nil: it waits no more.
  package func setSlackPending(_ pending: Data?, channel: String, thread: String) async throws {
    try await changing { database in
      try database.execute(
        sql: """
          INSERT INTO slack_thread (channel, thread, pending, began) VALUES (?, ?, ?, ?)
          ON CONFLICT (channel, thread) DO UPDATE SET pending = excluded.pending
          """,
        arguments: [channel, thread, pending, Date().timeIntervalSince1970])
    }
  }

  /// Ties a thread to the session that its message began, and answers its question, in one step.
  package func beginSlackSession(_ prompt: SlackPrompt) async throws {
    try await changing { database in
      try database.execute(
        sql: """
          INSERT INTO slack_thread (channel, thread, session, began) VALUES (?, ?, ?, ?)
          ON CONFLICT (channel, thread) DO UPDATE SET session = excluded.session, pending = NULL
          """,
        arguments: [prompt.channel, prompt.thread, prompt.session.rawValue, Date().timeIntervalSince1970])
      try Self.record(prompt, in: database)
    }
  }

  /// Threads whose session knows more than they show.
  package func slackThreadsBehind() async throws -> [SlackThread] {
    try await reading { database in
      try Row.fetchAll(
        database,
        sql: """
          SELECT slack_thread.* FROM slack_thread JOIN session ON session.id = slack_thread.session
          WHERE session.seq > slack_thread.shown ORDER BY session.updated DESC LIMIT 1000
          """
      ).map(Self.slackThread)
    }
  }

  package func setSlackShown(_ seq: Int64, channel: String, thread: String) async throws {
    try await changing { database in
      try database.execute(
        sql: "UPDATE slack_thread SET shown = max(shown, ?) WHERE channel = ? AND thread = ?", arguments: [seq, channel, thread])
    }
  }

  /// Records that a person's message became a prompt; its earlier prompt, if it had one, is forgotten.
  package func recordSlackPrompt(_ prompt: SlackPrompt) async throws {
    try await changing { try Self.record(prompt, in: $0) }
  }

  private static func record(_ prompt: SlackPrompt, in database: Database) throws {
    try database.execute(
      sql: """
        INSERT INTO slack_prompt (channel, ts, thread, session, prompt, person) VALUES (?, ?, ?, ?, ?, ?)
        ON CONFLICT (channel, ts) DO UPDATE SET prompt = excluded.prompt, session = excluded.session
        """,
      arguments: [prompt.channel, prompt.ts, prompt.thread, prompt.session.rawValue, prompt.prompt.rawValue, prompt.person])
  }

  package func slackPrompt(channel: String, ts: String) async throws -> SlackPrompt? {
    try await slackPrompts("channel = ? AND ts = ?", [channel, ts]).first
  }

  package func slackPrompts(session: SessionID) async throws -> [SlackPrompt] {
    try await slackPrompts("session = ?", [session.rawValue])
  }

  private func slackPrompts(_ condition: String, _ arguments: [String]) async throws -> [SlackPrompt] {
    try await reading { database in
      try Row.fetchAll(
        database, sql: "SELECT * FROM slack_prompt WHERE \(condition) ORDER BY ts", arguments: StatementArguments(arguments)
      ).map { row in
        SlackPrompt(
          channel: row["channel"], ts: row["ts"], thread: row["thread"], session: try SessionID(row["session"] as String),
          prompt: try PromptID(row["prompt"] as String), person: row["person"])
      }
    }
  }

  /// A message of ours.
  package struct SlackMessage: Sendable, Equatable {
    /// Nil: it was about to be posted, and may be there.
    package var ts: String?
    /// Of the content that it shows.
    package var digest: String?

    package init(ts: String?, digest: String? = nil) {
      self.ts = ts
      self.digest = digest
    }
  }

  package func slackMessage(channel: String, thread: String, key: String) async throws -> SlackMessage? {
    try await reading { database in
      try Row.fetchOne(
        database, sql: "SELECT ts, digest FROM slack_message WHERE channel = ? AND thread = ? AND key = ?",
        arguments: [channel, thread, key]
      ).map { SlackMessage(ts: $0["ts"], digest: $0["digest"]) }
    }
  }

  package func setSlackMessage(_ message: SlackMessage, channel: String, thread: String, key: String) async throws {
    try await changing { database in
      try database.execute(
        sql: """
          INSERT INTO slack_message (channel, thread, key, ts, digest) VALUES (?, ?, ?, ?, ?)
          ON CONFLICT (channel, thread, key) DO UPDATE SET ts = excluded.ts, digest = excluded.digest
          """,
        arguments: [channel, thread, key, message.ts, message.digest])
    }
  }
}
