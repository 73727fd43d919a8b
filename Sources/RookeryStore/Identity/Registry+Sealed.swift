import Foundation
import GRDB
import RookeryModel

/// Where a secret belongs: what it may be used for follows from it.
package enum SecretScope: Sendable, Equatable, Hashable {
  /// Access of a person's to the forge.
  case account
  /// The GitHub App's own key and secrets.
  case app
  /// For every repository.
  case organisation
  case repository(RepositoryName)
  /// For the sessions of one person.
  case user(UserID)

  package var text: String {
    switch self {
    case .account: "account"
    case .app: "app"
    case .organisation: "organisation"
    case .repository(let name): "repository:\(name)"
    case .user(let id): "user:\(id)"
    }
  }

  /// Nil when `text` is no scope.
  package init?(_ text: String) {
    let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
    switch (parts.first, parts.count) {
    case ("account", 1): self = .account
    case ("app", 1): self = .app
    case ("organisation", 1): self = .organisation
    case ("repository", 2):
      guard let name = RepositoryName(rawValue: parts[1]) else { return nil }
      self = .repository(name)
    case ("user", 2):
      guard let id = UserID(rawValue: parts[1]) else { return nil }
      self = .user(id)
    default: return nil
    }
  }
}

/// A stored secret without its value.
package struct SealedSummary: Sendable, Equatable {
  package var scope: SecretScope
  package var name: String
  package var key: String
  package var created: Date
  package var updated: Date
}

/// Secrets that are encrypted at rest. The ring is given to each call: the registry itself holds no key.
extension Registry {
  /// Sets or replaces a secret.
  package func seal(_ plain: Data, as name: String, in scope: SecretScope, with ring: KeyRing) async throws {
    let box = try ring.seal(plain, place: Self.place(scope.text, name))
    let now = Date().timeIntervalSince1970
    try await changing { database in
      try database.execute(
        sql: """
          INSERT INTO sealed (scope, name, key, box, created, updated) VALUES (?, ?, ?, ?, ?, ?)
          ON CONFLICT (scope, name) DO UPDATE SET key = excluded.key, box = excluded.box, updated = excluded.updated
          """, arguments: [scope.text, name, box.key, box.bytes, now, now])
    }
  }

  /// Nil when there is none.
  package func unseal(_ name: String, in scope: SecretScope, with ring: KeyRing) async throws -> Data? {
    let box = try await reading { database in
      try Row.fetchOne(database, sql: "SELECT key, box FROM sealed WHERE scope = ? AND name = ?", arguments: [scope.text, name])
        .map { KeyRing.Box(key: $0[0], bytes: $0[1]) }
    }
    return try box.map { try ring.open($0, place: Self.place(scope.text, name)) }
  }

  /// False when there was none.
  @discardableResult
  package func removeSealed(_ name: String, in scope: SecretScope) async throws -> Bool {
    try await changing { database in
      try database.execute(sql: "DELETE FROM sealed WHERE scope = ? AND name = ?", arguments: [scope.text, name])
      return database.changesCount == 1
    }
  }

  /// All of a scope by name; nil: of every scope.
  package func sealed(in scope: SecretScope? = nil) async throws -> [SealedSummary] {
    try await reading { database in
      try Row.fetchAll(
        database, sql: "SELECT scope, name, key, created, updated FROM sealed WHERE ?1 IS NULL OR scope = ?1 ORDER BY scope, name",
        arguments: [scope?.text]
      ).compactMap { row in
        SecretScope(row[0] as String).map {
          SealedSummary(
            scope: $0, name: row[1], key: row[2], created: Date(timeIntervalSince1970: row[3]),
            updated: Date(timeIntervalSince1970: row[4]))
        }
      }
    }
  }

  /// Encrypts everything that is not under the ring's current key anew under it, all or nothing. Returns how many that were.
  package func reseal(with ring: KeyRing) async throws -> Int {
    try await changing { database in
      let rows = try Row.fetchAll(
        database, sql: "SELECT scope, name, key, box FROM sealed WHERE key <> ?", arguments: [ring.currentID])
      for row in rows {
        let place = Self.place(row[0], row[1])
        let box = try ring.seal(try ring.open(KeyRing.Box(key: row[2], bytes: row[3]), place: place), place: place)
        try database.execute(
          sql: "UPDATE sealed SET key = ?, box = ? WHERE scope = ? AND name = ?",
          arguments: [box.key, box.bytes, row[0] as String, row[1] as String])
      }
      return rows.count
    }
  }

  private static func place(_ scope: String, _ name: String) -> String { "\(scope)/\(name)" }
}
