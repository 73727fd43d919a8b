import Foundation
import GRDB
import RookeryModel

/// Repositories that people added. A repository's row carries the id of the image that it serves; the builds are in
/// `Registry+Builds.swift`.
extension Registry {
  /// Throws `conflict` when the name is taken.
  package func insert(_ repository: Repository) async throws {
    let hints = try RegistryJSON.encode(repository.hints)
    try await database.write { database in
      try Self.refuseTaken(repository.name, in: database)
      try database.execute(
        sql: """
          INSERT INTO repository (name, url, default_branch, description, hints, agent, added)
          VALUES (?, ?, ?, ?, ?, ?, ?)
          """,
        arguments: [
          repository.name.rawValue, repository.url, repository.defaultBranch, repository.description, hints,
          repository.agent?.rawValue, repository.added.timeIntervalSince1970,
        ])
    }
  }

  /// By name.
  package func repositories() async throws -> [Repository] {
    try await database.read { database in
      try Row.fetchAll(database, sql: "SELECT * FROM repository ORDER BY name").map { try Self.repository($0, in: database) }
    }
  }

  /// Throws `repositoryUnknown`.
  package func repository(_ name: RepositoryName) async throws -> Repository {
    try await database.read { database in
      guard let row = try Row.fetchOne(database, sql: "SELECT * FROM repository WHERE name = ?", arguments: [name.rawValue]) else {
        throw Self.unknown(name)
      }
      return try Self.repository(row, in: database)
    }
  }

  /// Removes it with its builds and their logs. Throws `repositoryUnknown`.
  package func removeRepository(_ name: RepositoryName) async throws {
    try await database.write { database in
      try database.execute(sql: "DELETE FROM repository WHERE name = ?", arguments: [name.rawValue])
      if database.changesCount == 0 { throw Self.unknown(name) }
    }
  }

  static func unknown(_ name: RepositoryName) -> RookeryError {
    RookeryError(
      .repositoryUnknown, "There is no repository named “\(name)”.",
      mend: "List them with “rookery repo list”, or add it with “rookery repo add \(name) URL”.")
  }

  private static func refuseTaken(_ name: RepositoryName, in database: Database) throws {
    let url = try String.fetchOne(database, sql: "SELECT url FROM repository WHERE name = ?", arguments: [name.rawValue])
    if let url {
      throw RookeryError(
        .conflict, "A repository named “\(name)” was added before, for \(url).",
        mend: "Choose another name, or remove that one with “rookery repo remove \(name)”.")
    }
  }

  private static func repository(_ row: Row, in database: Database) throws -> Repository {
    let name = try RepositoryName(row["name"] as String)
    let agent = row["agent"] as String?
    let current = try currentImage(of: name, in: database)
    let failures = try failures(of: name, in: database)
    var repository = Repository(
      name: name, url: row["url"], defaultBranch: row["default_branch"], description: row["description"],
      hints: try RegistryJSON.decode([String].self, from: row["hints"]), agent: try agent.map { try AgentName($0) },
      added: Date(timeIntervalSince1970: row["added"]), image: current?.summary,
      lastBuild: try latestBuild(of: name, in: database))
    repository.failures = failures == 0 ? nil : failures
    repository.requests = current.flatMap { $0.requests.isEmpty ? nil : $0.requests }
    return repository
  }
}

/// Values that a column holds as JSON text.
enum RegistryJSON {
  static func encode(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }

  static func decode<Value: Decodable>(_ type: Value.Type, from text: String) throws -> Value {
    try JSONDecoder().decode(type, from: Data(text.utf8))
  }
}
