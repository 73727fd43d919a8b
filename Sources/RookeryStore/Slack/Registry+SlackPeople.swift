import Foundation
import GRDB
import RookeryModel

/// Who of Slack is who here.
extension Registry {
  /// Whom a one-time link ties to whoever opens it.
  package struct SlackLink: Sendable, Equatable {
    package var team: String
    package var person: String
    package var name: String

    package init(team: String, person: String, name: String) {
      self.team = team
      self.person = person
      self.name = name
    }
  }

  /// How long a one-time link is good.
  package static let slackLinkLifetime: Duration = .seconds(900)

  package func slackUser(team: String, person: String) async throws -> User? {
    try await reading { database in
      try Self.fetchUser(
        database, where: "id = (SELECT user FROM slack_person WHERE team = ? AND person = ?)", [team, person])
    }
  }

  package func linkSlackPerson(team: String, person: String, to user: UserID) async throws {
    try await changing { database in
      try database.execute(
        sql: """
          INSERT INTO slack_person (team, person, user, linked) VALUES (?, ?, ?, ?)
          ON CONFLICT (team, person) DO UPDATE SET user = excluded.user, linked = excluded.linked
          """,
        arguments: [team, person, user.rawValue, Date().timeIntervalSince1970])
    }
  }

  /// A single-use code that ties a person of Slack to whoever redeems it.
  package func issueSlackLink(_ link: SlackLink, now: Date = Date()) async throws -> String {
    let text = CredentialText.make(prefix: "")
    let hash = CredentialText.hash(text)
    let expires = now.timeIntervalSince1970 + Double(Self.slackLinkLifetime.components.seconds)
    try await changing { database in
      try database.execute(sql: "DELETE FROM slack_link WHERE expires <= ?", arguments: [now.timeIntervalSince1970])
      try database.execute(
        sql: "INSERT INTO slack_link (hash, team, person, name, expires) VALUES (?, ?, ?, ?, ?)",
        arguments: [hash, link.team, link.person, link.name, expires])
    }
    return text
  }

  /// Whom a code is for, without using it up; nil when it is unknown, used or expired.
  package func slackLink(_ text: String, now: Date = Date()) async throws -> SlackLink? {
    guard text.utf8.count <= 100 else { return nil }
    let hash = CredentialText.hash(text)
    return try await reading { database in
      try Row.fetchOne(
        database, sql: "SELECT team, person, name FROM slack_link WHERE hash = ? AND expires > ?",
        arguments: [hash, now.timeIntervalSince1970]
      ).map { SlackLink(team: $0["team"], person: $0["person"], name: $0["name"]) }
    }
  }

  /// Takes a code and ties its person to `user`; nil as above.
  package func redeemSlackLink(_ text: String, for user: UserID, now: Date = Date()) async throws -> SlackLink? {
    guard text.utf8.count <= 100 else { return nil }
    let hash = CredentialText.hash(text)
    return try await changing { database in
      guard
        let row = try Row.fetchOne(
          database, sql: "DELETE FROM slack_link WHERE hash = ? AND expires > ? RETURNING team, person, name",
          arguments: [hash, now.timeIntervalSince1970])
      else { return nil }
      let link = SlackLink(team: row["team"], person: row["person"], name: row["name"])
      try database.execute(
        sql: """
          INSERT INTO slack_person (team, person, user, linked) VALUES (?, ?, ?, ?)
          ON CONFLICT (team, person) DO UPDATE SET user = excluded.user, linked = excluded.linked
          """,
        arguments: [link.team, link.person, user.rawValue, now.timeIntervalSince1970])
      return link
    }
  }

  package func recordSlackFeedback(session: SessionID, turn: Int, user: UserID, verdict: String) async throws {
    try await changing { database in
      try database.execute(
        sql: """
          INSERT INTO slack_feedback (session, turn, user, verdict, given) VALUES (?, ?, ?, ?, ?)
          ON CONFLICT (session, turn, user) DO UPDATE SET verdict = excluded.verdict, given = excluded.given
          """,
        arguments: [session.rawValue, turn, user.rawValue, verdict, Date().timeIntervalSince1970])
    }
  }

  /// Verdicts on a session, by turn and user.
  package func slackFeedback(session: SessionID) async throws -> [(turn: Int, user: UserID, verdict: String)] {
    try await reading { database in
      try Row.fetchAll(
        database, sql: "SELECT turn, user, verdict FROM slack_feedback WHERE session = ? ORDER BY turn, user",
        arguments: [session.rawValue]
      ).map { (turn: $0["turn"], user: try UserID($0["user"] as String), verdict: $0["verdict"]) }
    }
  }
}
