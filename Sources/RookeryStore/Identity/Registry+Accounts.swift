import Crypto
import Foundation
import GRDB
import RookeryModel

/// An account at GitHub that is linked to one of our users.
package struct LinkedAccount: Sendable, Equatable {
  package var user: UserID
  /// GitHub's number of the account: logins may be changed and reused, numbers are not.
  package var number: Int64
  package var login: String
  package var linked: Date
}

/// Whose account at the forge is whose.
extension Registry {
  package func account(of user: UserID) async throws -> LinkedAccount? {
    try await reading { try Self.fetchAccount($0, where: "user = ?", [user.rawValue]) }
  }

  package func account(number: Int64) async throws -> LinkedAccount? {
    try await reading { try Self.fetchAccount($0, where: "number = ?", [number]) }
  }

  package func accounts() async throws -> [LinkedAccount] {
    try await reading { database in
      try Row.fetchAll(database, sql: "SELECT * FROM github_account ORDER BY linked, user").map(Self.account(from:))
    }
  }

  /// Links an account to a user, in place of another one of theirs. Throws `conflict` when it is somebody else's.
  package func link(number: Int64, login: String, to user: UserID, now: Date = Date()) async throws {
    try await changing { database in
      if let other = try Self.fetchAccount(database, where: "number = ?", [number]), other.user != user {
        throw RookeryError(
          .conflict, "The GitHub account \(login) is linked to another user here.", mend: "Sign in with it, or have an admin unlink it.")
      }
      try database.execute(
        sql: """
          INSERT INTO github_account (user, number, login, linked) VALUES (?, ?, ?, ?)
          ON CONFLICT (user) DO UPDATE SET number = excluded.number, login = excluded.login, linked = excluded.linked
          """, arguments: [user.rawValue, number, login, now.timeIntervalSince1970])
    }
  }

  /// False when there was none.
  @discardableResult
  package func unlinkAccount(of user: UserID) async throws -> Bool {
    try await changing { database in
      try database.execute(sql: "DELETE FROM github_account WHERE user = ?", arguments: [user.rawValue])
      return database.changesCount == 1
    }
  }

  /// Whether some admin can sign in with GitHub: until then the first person who does becomes one.
  package func hasLinkedAdmin() async throws -> Bool {
    try await reading { database in
      try Bool.fetchOne(
        database, sql: "SELECT EXISTS (SELECT 1 FROM github_account JOIN user ON user.id = github_account.user WHERE user.role = 'admin')")
        ?? false
    }
  }

  /// Gives a user another role. Throws `notFound`, and `conflict` when nobody would be left as admin.
  package func setRole(_ role: User.Role, of id: UserID) async throws -> User {
    try await changing { database in
      guard var user = try Self.fetchUser(database, where: "id = ?", [id.rawValue]) else {
        throw RookeryError(.notFound, "There is no user \(id).")
      }
      let others =
        try Int.fetchOne(database, sql: "SELECT count(*) FROM user WHERE role = 'admin' AND id <> ?", arguments: [id.rawValue]) ?? 0
      guard role == .admin || user.role != .admin || others > 0 else {
        throw RookeryError(.conflict, "\(user.name) is the only admin.", mend: "Make somebody else an admin first.")
      }
      user.role = role
      try database.execute(sql: "UPDATE user SET role = ? WHERE id = ?", arguments: [role.rawValue, id.rawValue])
      return user
    }
  }

  /// Ends every sign-in and every token of a user.
  package func revokeEverything(of user: UserID) async throws {
    try await changing { try $0.execute(sql: "DELETE FROM token WHERE user = ?", arguments: [user.rawValue]) }
  }

  private static func fetchAccount(
    _ database: Database, where condition: String, _ arguments: StatementArguments
  ) throws -> LinkedAccount? {
    try Row.fetchOne(database, sql: "SELECT * FROM github_account WHERE \(condition)", arguments: arguments).map(account(from:))
  }

  private static func account(from row: Row) throws -> LinkedAccount {
    LinkedAccount(
      user: try UserID(row["user"] as String), number: row["number"], login: row["login"],
      linked: Date(timeIntervalSince1970: row["linked"]))
  }
}

/// Sign-ins at the forge that were begun here.
extension Registry {
  package struct BegunSignIn: Sendable, Equatable {
    /// The secret of PKCE, whose hash the forge was told.
    package var verifier: String
    /// The page to show afterwards.
    package var path: String
    /// Who links an account, where somebody who is signed in does.
    package var user: UserID?
  }

  /// How long one may take at the forge.
  package static let signInLifetime: TimeInterval = 600

  /// Records a sign-in under a new state, which is returned.
  package func beginSignIn(verifier: String, path: String, user: UserID?, now: Date = Date()) async throws -> String {
    let state = CredentialText.make(prefix: "")
    let hash = CredentialText.hash(state)
    try await changing { database in
      try database.execute(sql: "DELETE FROM sign_in WHERE expires <= ?", arguments: [now.timeIntervalSince1970])
      try database.execute(
        sql: "INSERT INTO sign_in (state, verifier, path, user, expires) VALUES (?, ?, ?, ?, ?)",
        arguments: [hash, verifier, path, user?.rawValue, now.timeIntervalSince1970 + Self.signInLifetime])
    }
    return state
  }

  /// Takes a begun sign-in: once. Nil when the state is unknown, used or too old.
  package func takeSignIn(state: String, now: Date = Date()) async throws -> BegunSignIn? {
    guard state.utf8.count <= 100 else { return nil }
    let hash = CredentialText.hash(state)
    return try await changing { database in
      try Row.fetchOne(
        database, sql: "DELETE FROM sign_in WHERE state = ? AND expires > ? RETURNING verifier, path, user",
        arguments: [hash, now.timeIntervalSince1970]
      ).map { row in
        BegunSignIn(verifier: row[0], path: row[1], user: (row[2] as String?).flatMap { UserID(rawValue: $0) })
      }
    }
  }
}
