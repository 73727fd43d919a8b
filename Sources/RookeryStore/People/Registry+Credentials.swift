import Foundation
import GRDB
import RookeryModel

/// Bearer tokens and cookies. Only their hashes are stored.
extension Registry {
  /// Makes a secret of `kind` for a user. `expires` nil: good until revoked.
  package func issueCredential(
    _ kind: CredentialKind, for user: UserID, purpose: String, expires: Date?
  ) async throws -> IssuedCredential {
    let text = CredentialText.make(prefix: kind.prefix)
    let hash = CredentialText.hash(text)
    let now = Date()
    try await changing { database in
      try database.execute(sql: "DELETE FROM token WHERE expires <= ?", arguments: [now.timeIntervalSince1970])
      try database.execute(
        sql: "INSERT INTO token (hash, user, purpose, created, expires) VALUES (?, ?, ?, ?, ?)",
        arguments: [hash, user.rawValue, "\(kind.rawValue):\(purpose)", now.timeIntervalSince1970, expires?.timeIntervalSince1970])
    }
    return IssuedCredential(
      text: text,
      summary: CredentialSummary(id: CredentialText.id(of: hash), purpose: purpose, created: now, expires: expires))
  }

  /// Whose secret this is; nil when it is unknown, expired, revoked, or of another kind.
  package func authenticate(_ text: String, as kind: CredentialKind) async throws -> User? {
    guard text.hasPrefix(kind.prefix), text.utf8.count <= 100 else { return nil }
    let hash = CredentialText.hash(text)
    return try await reading { database in
      try Row.fetchOne(
        database,
        sql: """
          SELECT user.* FROM token JOIN user ON user.id = token.user
          WHERE token.hash = ? AND token.purpose LIKE ? AND (token.expires IS NULL OR token.expires > ?)
          """,
        arguments: [hash, kind.rawValue + ":%", Date().timeIntervalSince1970]
      ).map(Self.user(from:))
    }
  }

  /// A user's secrets of `kind`, newest first.
  package func credentials(_ kind: CredentialKind, of user: UserID) async throws -> [CredentialSummary] {
    try await reading { database in
      try Row.fetchAll(
        database,
        sql: """
          SELECT hash, purpose, created, expires FROM token
          WHERE user = ? AND purpose LIKE ? AND (expires IS NULL OR expires > ?) ORDER BY created DESC, hash
          """,
        arguments: [user.rawValue, kind.rawValue + ":%", Date().timeIntervalSince1970]
      ).map { row in
        CredentialSummary(
          id: CredentialText.id(of: row["hash"]),
          purpose: String((row["purpose"] as String).dropFirst(kind.rawValue.count + 1)),
          created: Date(timeIntervalSince1970: row["created"]),
          expires: (row["expires"] as Double?).map(Date.init(timeIntervalSince1970:)))
      }
    }
  }

  /// Revokes a user's own secret by its id; throws `notFound` when they have none of that id.
  package func revokeCredential(_ kind: CredentialKind, id: String, of user: UserID) async throws {
    try await changing { database in
      let hashes = try Data.fetchAll(
        database, sql: "SELECT hash FROM token WHERE user = ? AND purpose LIKE ?",
        arguments: [user.rawValue, kind.rawValue + ":%"])
      guard let hash = hashes.first(where: { CredentialText.id(of: $0) == id }) else {
        throw RookeryError(.notFound, "You have no token with that id.", mend: "List your tokens to see their ids.")
      }
      try database.execute(sql: "DELETE FROM token WHERE hash = ?", arguments: [hash])
    }
  }

  /// Forgets a secret that its holder shows: signing out.
  package func revokeCredential(_ kind: CredentialKind, text: String) async throws {
    let hash = CredentialText.hash(text)
    try await changing { database in
      try database.execute(
        sql: "DELETE FROM token WHERE hash = ? AND purpose LIKE ?", arguments: [hash, kind.rawValue + ":%"])
    }
  }
}

/// Login links.
extension Registry {
  /// How long a login link is good.
  package static let loginCodeLifetime: Duration = .seconds(600)

  /// A single-use code for a login link.
  package func issueLoginCode(for user: UserID, now: Date = Date()) async throws -> String {
    let text = CredentialText.make(prefix: "")
    let hash = CredentialText.hash(text)
    let expires = now.timeIntervalSince1970 + Double(Self.loginCodeLifetime.components.seconds)
    try await changing { database in
      try database.execute(sql: "DELETE FROM login_code WHERE expires <= ?", arguments: [now.timeIntervalSince1970])
      try database.execute(
        sql: "INSERT INTO login_code (hash, user, expires) VALUES (?, ?, ?)", arguments: [hash, user.rawValue, expires])
    }
    return text
  }

  /// Takes a code: of any number of callers at once, one gets its user. Nil when it is unknown, used or expired.
  package func redeemLoginCode(_ text: String, now: Date = Date()) async throws -> User? {
    guard text.utf8.count <= 100 else { return nil }
    let hash = CredentialText.hash(text)
    return try await changing { database in
      // One statement inside one transaction of the only writer: a code that is gone was redeemed.
      let user = try String.fetchOne(
        database, sql: "DELETE FROM login_code WHERE hash = ? AND expires > ? RETURNING user",
        arguments: [hash, now.timeIntervalSince1970])
      return try user.flatMap { try Self.fetchUser(database, where: "id = ?", [$0]) }
    }
  }
}
