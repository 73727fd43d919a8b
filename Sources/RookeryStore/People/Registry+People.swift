import Foundation
import GRDB
import RookeryModel

/// The users table.
extension Registry {
  /// Makes a user. Throws `conflict` when the e-mail address is taken, `badRequest` when name or address can't be a git identity.
  package func createUser(name: String, email: String, role: User.Role) async throws -> User {
    let identity = try PersonIdentity(name: name, email: email)
    return try await changing { database in
      guard try Self.fetchUser(database, where: "email = ?", [identity.email]) == nil else {
        throw RookeryError(.conflict, "There is already a user with the address \(identity.email).", mend: "Use that user.")
      }
      return try Self.insertUser(database, identity, role: role)
    }
  }

  /// The user of that id; throws `notFound`.
  package func user(_ id: UserID) async throws -> User {
    guard let user = try await reading({ try Self.fetchUser($0, where: "id = ?", [id.rawValue]) }) else {
      throw RookeryError(.notFound, "There is no user \(id).")
    }
    return user
  }

  /// Addresses are compared without regard to case.
  package func user(email: String) async throws -> User? {
    try await reading { try Self.fetchUser($0, where: "email = ?", [email]) }
  }

  /// All users, oldest first.
  package func users() async throws -> [User] {
    try await reading { try Row.fetchAll($0, sql: "SELECT * FROM user ORDER BY created, id").map(Self.user(from:)) }
  }

  /// The user with the author's address, made as a member when there is none.
  package func findOrCreateUser(for author: API.NamedAuthor) async throws -> User {
    let identity = try PersonIdentity(name: author.name, email: author.email)
    return try await changing { database in
      try Self.fetchUser(database, where: "email = ?", [identity.email])
        ?? Self.insertUser(database, identity, role: .member)
    }
  }

  /// The oldest admin: the person at the machine. Made on the first start from what the machine knows of them.
  package func localAdmin(name: String, email: String) async throws -> User {
    let identity = try PersonIdentity(name: name, email: email)
    return try await changing { database in
      if let admin = try Self.fetchOldestAdmin(database) { return admin }
      guard var user = try Self.fetchUser(database, where: "email = ?", [identity.email]) else {
        return try Self.insertUser(database, identity, role: .admin)
      }
      user.role = .admin
      try database.execute(sql: "UPDATE user SET role = ? WHERE id = ?", arguments: [user.role.rawValue, user.id.rawValue])
      return user
    }
  }

  /// The oldest admin; nil before the first start's `localAdmin(name:email:)`.
  package func localAdmin() async throws -> User? { try await reading(Self.fetchOldestAdmin) }
}

// MARK: - Rows

extension Registry {
  static func user(from row: Row) throws -> User {
    guard let role = User.Role(rawValue: row["role"]) else {
      throw RookeryError(.internal, "The registry holds a user with an unknown role.", context: "role \(row["role"] as String)")
    }
    return User(
      id: try UserID(row["id"] as String), name: row["name"], email: row["email"], role: role,
      created: Date(timeIntervalSince1970: row["created"]))
  }

  static func fetchUser(_ database: Database, where condition: String, _ arguments: StatementArguments) throws -> User? {
    try Row.fetchOne(database, sql: "SELECT * FROM user WHERE \(condition)", arguments: arguments).map(user(from:))
  }

  private static func fetchOldestAdmin(_ database: Database) throws -> User? {
    try fetchUser(database, where: "role = ? ORDER BY created, id LIMIT 1", [User.Role.admin.rawValue])
  }

  private static func insertUser(_ database: Database, _ identity: PersonIdentity, role: User.Role) throws -> User {
    let user = User(id: .random(prefix: "u-"), name: identity.name, email: identity.email, role: role, created: Date())
    try database.execute(
      sql: "INSERT INTO user (id, name, email, role, created) VALUES (?, ?, ?, ?, ?)",
      arguments: [user.id.rawValue, user.name, user.email, role.rawValue, user.created.timeIntervalSince1970])
    return user
  }
}

// MARK: - Access

extension Registry {
  /// Runs off the caller's executor; a full disk becomes `diskFull`.
  func changing<Value: Sendable>(_ body: @Sendable @escaping (Database) throws -> Value) async throws -> Value {
    try await naming { try await self.database.write(body) }
  }

  func reading<Value: Sendable>(_ body: @Sendable @escaping (Database) throws -> Value) async throws -> Value {
    try await naming { try await self.database.read(body) }
  }

  private func naming<Value: Sendable>(_ body: @Sendable () async throws -> Value) async throws -> Value {
    do {
      return try await body()
    } catch let error as DatabaseError where error.resultCode == .SQLITE_FULL {
      throw RookeryError(
        .diskFull, "The disk with Rookery's data is full.", mend: "Free some space; nothing that was acknowledged is lost.",
        context: error.description)
    }
  }
}
