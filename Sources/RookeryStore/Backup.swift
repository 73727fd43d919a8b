import Foundation
import GRDB
import Glibc
import RookeryModel

/// A copy of everything that `serve` knows, made while it works: the registry and every session's file, each as of one moment.
///
/// Keys are no part of it, and neither is what can be made again: the search index, images, bases.
package struct Backup: Sendable {
  /// What a backup says of itself.
  package struct Manifest: Sendable, Codable, Equatable {
    /// Of the directory's layout; a later one is refused.
    package var format: Int
    /// The version that wrote it.
    package var product: String
    package var created: Date
    package var sessions: [Session]

    package struct Session: Sendable, Codable, Equatable {
      package var id: SessionID
      package var generation: Int
      package var seq: Int64
    }
  }

  package static let format = 1
  private static let manifestName = "manifest.json"
  private static let registryName = "registry.sqlite"

  /// The backup's directory.
  package let path: String

  package init(path: String) { self.path = path }

  // MARK: Writing

  /// Copies what is in `serve`, the server's own directory. The backup appears under its name when it is whole. Throws `conflict`
  /// when there is something already.
  package func write(of serve: String, product: String) throws -> Manifest {
    let files = FileManager.default
    guard !files.fileExists(atPath: path) else {
      throw RookeryError(.conflict, "There is something at \(path) already.", mend: "Name a directory that does not exist.")
    }
    guard files.fileExists(atPath: "\(serve)/\(Self.registryName)") else {
      throw RookeryError(.notFound, "There is no server's data in \(serve).", mend: "Name the data directory with --data.")
    }
    let draft = path + ".partial"
    try? files.removeItem(atPath: draft)
    do {
      try files.createDirectory(atPath: draft + "/sessions", withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
      chmod(draft, 0o700)
      // The registry goes first: a session that begins meanwhile is complete in its own file, and is indexed again from there.
      try Self.copy("\(serve)/\(Self.registryName)", to: "\(draft)/\(Self.registryName)")
      var sessions: [Manifest.Session] = []
      for id in try SessionStore.sessions(in: serve + "/sessions").sorted(by: { $0.rawValue < $1.rawValue }) {
        let folder = "\(draft)/sessions/\(id)"
        try files.createDirectory(atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        do {
          try Self.copy("\(serve)/sessions/\(id)/session.sqlite", to: folder + "/session.sqlite")
        } catch  where !SessionStore.exists(directory: serve + "/sessions", session: id) {
          // Deleted meanwhile.
          try files.removeItem(atPath: folder)
          continue
        }
        sessions.append(try Self.describe(id, in: draft + "/sessions"))
      }
      let manifest = Manifest(format: Self.format, product: product, created: Date(), sessions: sessions)
      try JSON.encode(manifest).write(to: URL(fileURLWithPath: "\(draft)/\(Self.manifestName)"))
      sync()
      guard rename(draft, path) == 0 else { throw Self.failure("rename", path) }
      return manifest
    } catch {
      try? files.removeItem(atPath: draft)
      throw error
    }
  }

  private static func copy(_ source: String, to target: String) throws {
    var configuration = GRDB.Configuration()
    configuration.readonly = true
    let from = try DatabaseQueue(path: source, configuration: configuration)
    let to = try DatabaseQueue(path: target)
    try from.backup(to: to)
    // One file, whole and without a journal beside it.
    try to.writeWithoutTransaction { try $0.execute(sql: "PRAGMA journal_mode = DELETE") }
    let verdict = try to.read { try String.fetchOne($0, sql: "PRAGMA quick_check") }
    guard verdict == "ok" else {
      throw RookeryError(
        .internal, "The copy of \(source) is damaged.", mend: "Check the disk, and back up again.", context: verdict ?? "no verdict")
    }
    try to.close()
    try from.close()
    chmod(target, 0o600)
  }

  private static func describe(_ id: SessionID, in directory: String) throws -> Manifest.Session {
    let queue = try DatabaseQueue(path: "\(directory)/\(id)/session.sqlite")
    defer { try? queue.close() }
    return try queue.read { database in
      Manifest.Session(
        id: id, generation: try Int.fetchOne(database, sql: "SELECT generation FROM meta") ?? 1,
        seq: try Int64.fetchOne(database, sql: "SELECT max(seq) FROM event") ?? 0)
    }
  }

  // MARK: Restoring

  package func manifest() throws -> Manifest {
    guard let bytes = FileManager.default.contents(atPath: "\(path)/\(Self.manifestName)") else {
      throw RookeryError(
        .notFound, "\(path) is no backup: it has no \(Self.manifestName).", mend: "Name the directory that “rookery backup” made.")
    }
    let manifest = try JSON.decode(Manifest.self, from: bytes)
    guard manifest.format <= Self.format else {
      throw RookeryError(
        .configurationInvalid, "The backup was written by a later version (\(manifest.product)).", mend: "Restore it with that version.")
    }
    return manifest
  }

  /// Puts the backup in the place of `serve`'s data, which must have none. Every session gets a new generation, so that clients with
  /// later events than the backup has begin again, and files written before and after never mix.
  package func restore(to serve: String) throws -> Manifest {
    let files = FileManager.default
    let manifest = try manifest()
    let sessions = serve + "/sessions"
    let present = (try? SessionStore.sessions(in: sessions)) ?? []
    guard !files.fileExists(atPath: "\(serve)/\(Self.registryName)"), present.isEmpty else {
      throw RookeryError(.conflict, "There is a server's data in \(serve).", mend: "Restore to a data directory that has none.")
    }
    for session in manifest.sessions {
      let found = try Self.describe(session.id, in: path + "/sessions")
      guard found == session else {
        throw RookeryError(
          .configurationInvalid, "The backup's session \(session.id) is not what its manifest says.", mend: "Take another backup.",
          context: "\(found)")
      }
    }
    try files.createDirectory(atPath: sessions, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    var epoch: Int64 = 1
    for session in manifest.sessions {
      let folder = "\(sessions)/\(session.id)"
      try files.createDirectory(atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
      try files.copyItem(atPath: "\(path)/sessions/\(session.id)/session.sqlite", toPath: folder + "/session.sqlite")
      epoch = max(epoch, try Self.renew(folder + "/session.sqlite"))
    }
    // Last: as long as it is missing there is no server's data here.
    let registry = "\(serve)/\(Self.registryName)"
    try files.copyItem(atPath: "\(path)/\(Self.registryName)", toPath: registry + ".partial")
    sync()
    guard rename(registry + ".partial", registry) == 0 else { throw Self.failure("rename", registry) }
    try Registry(directory: serve).raiseEpoch(to: epoch)
    return manifest
  }

  /// Returns the epoch that wrote the file last.
  private static func renew(_ file: String) throws -> Int64 {
    let queue = try DatabaseQueue(path: file)
    let epoch = try queue.write { database in
      try database.execute(sql: "UPDATE meta SET generation = generation + 1")
      return try Int64.fetchOne(database, sql: "SELECT epoch FROM meta") ?? 1
    }
    try queue.close()
    return epoch
  }

  private static func failure(_ step: String, _ path: String) -> RookeryError {
    RookeryError(.internal, "\(step)(\(path)) failed: \(String(cString: strerror(errno))).", mend: "Check the directory and the disk.")
  }
}
