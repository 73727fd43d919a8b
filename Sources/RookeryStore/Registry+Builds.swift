import Foundation
import GRDB
import RookeryModel

/// Builds of images, their logs, and which image a repository serves.
extension Registry {
  /// What a build made: recorded only after the provider published it.
  package struct BuiltImage: Sendable, Equatable {
    package var summary: ImageSummary
    /// The environment that it was built with, as JSON.
    package var environment: String
    /// What the next build compares itself with, as JSON.
    package var basis: String
    /// What the repository asked for, and was answered.
    package var requests: [EnvironmentRequest]

    package init(summary: ImageSummary, environment: String, basis: String = "{}", requests: [EnvironmentRequest] = []) {
      self.summary = summary
      self.environment = environment
      self.basis = basis
      self.requests = requests
    }
  }

  /// How many finished builds of a repository keep their logs.
  static let keptBuilds = 20

  /// Records a running build and forgets the oldest ones. Throws `repositoryUnknown`.
  package func beginBuild(
    _ image: ImageID, of repository: RepositoryName, reason: BuildSummary.Reason = .request, at started: Date
  ) async throws {
    try await database.write { database in
      let known = try Bool.fetchOne(
        database, sql: "SELECT EXISTS (SELECT 1 FROM repository WHERE name = ?)", arguments: [repository.rawValue])
      guard known == true else { throw Self.unknown(repository) }
      try database.execute(
        sql: "INSERT INTO build (image, repository, state, started, reason) VALUES (?, ?, 'running', ?, ?)",
        arguments: [image.rawValue, repository.rawValue, started.timeIntervalSince1970, reason.rawValue])
      try database.execute(
        sql: """
          DELETE FROM build WHERE repository = :repository AND state <> 'running'
            AND image IS NOT (SELECT image FROM repository WHERE name = :repository)
            AND image NOT IN (
              SELECT image FROM build WHERE repository = :repository ORDER BY started DESC, rowid DESC LIMIT :kept)
          """,
        arguments: ["repository": repository.rawValue, "kept": Self.keptBuilds])
    }
  }

  /// The build succeeded: from now on its image is the one that the repository serves.
  package func finishBuild(_ image: ImageID, with built: BuiltImage, at finished: Date) async throws {
    let requests = try RegistryJSON.encode(built.requests)
    try await database.write { database in
      try database.execute(
        sql: """
          UPDATE build SET state = 'succeeded', commit_id = ?, environment_digest = ?, environment = ?, basis = ?, requests = ?,
            finished = ?, error = NULL
          WHERE image = ? AND state = 'running'
          """,
        arguments: [
          built.summary.commit, built.summary.environmentDigest, built.environment, built.basis, requests,
          finished.timeIntervalSince1970, image.rawValue,
        ])
      // The repository may have been removed meanwhile, which took the build with it.
      guard database.changesCount == 1 else {
        throw RookeryError(.conflict, "The build \(image) is not running any more.", mend: "Build the repository again.")
      }
      try database.execute(
        sql: "UPDATE repository SET image = ? WHERE name = (SELECT repository FROM build WHERE image = ?)",
        arguments: [image.rawValue, image.rawValue])
    }
  }

  /// The build found that the image which serves is as it would be.
  package func endUnchanged(_ image: ImageID, at finished: Date) async throws {
    try await database.write { database in
      try database.execute(
        sql: "UPDATE build SET state = 'unchanged', finished = ? WHERE image = ? AND state = 'running'",
        arguments: [finished.timeIntervalSince1970, image.rawValue])
    }
  }

  /// The build failed; the earlier image, if any, goes on serving.
  package func failBuild(_ image: ImageID, with error: RookeryError, at finished: Date) async throws {
    let text = try RegistryJSON.encode(error)
    try await database.write { database in
      try database.execute(
        sql: "UPDATE build SET state = 'failed', finished = ?, error = ? WHERE image = ? AND state = 'running'",
        arguments: [finished.timeIntervalSince1970, text, image.rawValue])
    }
  }

  /// Marks every build that is recorded as running as failed: nothing runs it after a restart. Returns their images.
  package func failRunningBuilds(with error: RookeryError, at finished: Date) async throws -> [ImageID] {
    let text = try RegistryJSON.encode(error)
    return try await database.write { database in
      let images = try String.fetchAll(database, sql: "SELECT image FROM build WHERE state = 'running'")
      try database.execute(
        sql: "UPDATE build SET state = 'failed', finished = ?, error = ? WHERE state = 'running'",
        arguments: [finished.timeIntervalSince1970, text])
      return images.compactMap(ImageID.init(rawValue:))
    }
  }

  package func build(_ image: ImageID) async throws -> BuildSummary? {
    try await database.read { database in
      try Row.fetchOne(database, sql: "SELECT * FROM build WHERE image = ?", arguments: [image.rawValue]).map(Self.build)
    }
  }

  /// The newest build of the repository, whatever became of it.
  package func latestBuild(of repository: RepositoryName) async throws -> BuildSummary? {
    try await database.read { try Self.latestBuild(of: repository, in: $0) }
  }

  package func currentImage(of repository: RepositoryName) async throws -> BuiltImage? {
    try await database.read { try Self.currentImage(of: repository, in: $0) }
  }

  /// Adds lines to a build's log; lines of a build that is gone are dropped.
  package func append(_ lines: [BuildLine], to image: ImageID) async throws {
    guard !lines.isEmpty else { return }
    try await database.write { database in
      let statement = try database.makeStatement(
        sql: """
          INSERT OR IGNORE INTO build_line (image, number, step, text)
          SELECT :image, :number, :step, :text WHERE EXISTS (SELECT 1 FROM build WHERE image = :image)
          """)
      for line in lines {
        try statement.execute(arguments: ["image": image.rawValue, "number": line.number, "step": line.step, "text": line.text])
      }
    }
  }

  /// At most `limit` lines after number `after`, in order.
  package func buildLines(of image: ImageID, after: Int, limit: Int) async throws -> [BuildLine] {
    try await database.read { database in
      try Row.fetchAll(
        database, sql: "SELECT number, step, text FROM build_line WHERE image = ? AND number > ? ORDER BY number LIMIT ?",
        arguments: [image.rawValue, after, limit]
      ).map { BuildLine(number: $0["number"], step: $0["step"], text: $0["text"]) }
    }
  }

  static func latestBuild(of repository: RepositoryName, in database: Database) throws -> BuildSummary? {
    try Row.fetchOne(
      database, sql: "SELECT * FROM build WHERE repository = ? ORDER BY started DESC, rowid DESC LIMIT 1",
      arguments: [repository.rawValue]
    ).map(build)
  }

  static func currentImage(of repository: RepositoryName, in database: Database) throws -> BuiltImage? {
    let row = try Row.fetchOne(
      database,
      sql: """
        SELECT build.image, commit_id, environment_digest, environment, basis, requests, finished
        FROM repository JOIN build ON build.image = repository.image WHERE repository.name = ? AND build.state = 'succeeded'
        """,
      arguments: [repository.rawValue])
    return try row.map { row in
      let summary = ImageSummary(
        id: try ImageID(row["image"] as String), commit: row["commit_id"], environmentDigest: row["environment_digest"],
        created: Date(timeIntervalSince1970: row["finished"]))
      return BuiltImage(
        summary: summary, environment: row["environment"], basis: row["basis"] ?? "{}",
        requests: try (row["requests"] as String?).map { try RegistryJSON.decode([EnvironmentRequest].self, from: $0) } ?? [])
    }
  }

  private static func build(_ row: Row) throws -> BuildSummary {
    let finished = row["finished"] as Double?
    let error = row["error"] as String?
    return BuildSummary(
      image: try ImageID(row["image"] as String), state: BuildSummary.State(rawValue: row["state"]) ?? .failed,
      started: Date(timeIntervalSince1970: row["started"]), finished: finished.map { Date(timeIntervalSince1970: $0) },
      error: try error.map { try RegistryJSON.decode(RookeryError.self, from: $0) },
      reason: (row["reason"] as String?).flatMap(BuildSummary.Reason.init))
  }
}
