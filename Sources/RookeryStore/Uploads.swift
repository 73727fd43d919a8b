import Crypto
import Foundation
import GRDB
import Glibc
import RookeryModel

/// Files that people uploaded and have not sent with a prompt yet, by digest; a prompt copies them into its session's file. What is
/// not sent within a day is forgotten.
package struct Uploads: Sendable {
  /// Bytes of one file.
  package static let limit = 20 << 20
  /// Bytes of all files of one person that wait.
  private static let limitPerPerson = 200 << 20
  private static let age: TimeInterval = 86_400

  private let registry: Registry
  private let directory: String

  package init(registry: Registry, directory: String) {
    self.registry = registry
    self.directory = directory
  }

  static func registerMigration(in migrator: inout DatabaseMigrator) {
    migrator.registerMigration("multiplayer-1") { database in
      try database.execute(
        sql: """
          CREATE TABLE upload (
            digest TEXT NOT NULL, user TEXT NOT NULL, body BLOB NOT NULL, bytes INTEGER NOT NULL, created REAL NOT NULL,
            PRIMARY KEY (digest, user)
          ) STRICT;
          """)
    }
  }

  /// Keeps a file for a person. Throws `tooLarge`, `rateLimited` when too much waits already, `badRequest` for a name that is none.
  package func add(_ content: Data, name: String, mediaType: String, by user: UserID) async throws -> Attachment {
    guard content.count <= Self.limit else {
      throw RookeryError(
        .tooLarge, "The file has \(content.count) bytes; the limit is \(Self.limit >> 20) MiB.", mend: "Put it into the repository.")
    }
    guard !content.isEmpty else { throw RookeryError(.badRequest, "The file is empty.", mend: "Attach one that holds something.") }
    let attachment = Attachment(
      name: try Self.plain(name), mediaType: Self.type(of: content, said: mediaType), bytes: content.count, digest: Self.digest(content))
    try await sweep()
    try await write(content, to: attachment.digest)
    try await registry.changing { database in
      let waiting = try Int.fetchOne(
        database, sql: "SELECT coalesce(sum(bytes), 0) FROM upload WHERE user = ? AND digest <> ?",
        arguments: [user.rawValue, attachment.digest])
      guard (waiting ?? 0) + content.count <= Self.limitPerPerson else {
        throw RookeryError(
          .rateLimited, "\(Self.limitPerPerson >> 20) MiB of your files wait for a prompt already.", mend: "Send them, or wait a day.")
      }
      try database.execute(
        sql: """
          INSERT INTO upload (digest, user, body, bytes, created) VALUES (?, ?, ?, ?, ?)
          ON CONFLICT (digest, user) DO UPDATE SET body = excluded.body, created = excluded.created
          """,
        arguments: [attachment.digest, user.rawValue, JSON.encode(attachment), content.count, Date().timeIntervalSince1970])
    }
    return attachment
  }

  /// A file that this person uploaded; throws `notFound` for any other.
  package func get(_ digest: String, of user: UserID) async throws -> (Attachment, Data) {
    let body = try await registry.reading { database in
      try Data.fetchOne(
        database, sql: "SELECT body FROM upload WHERE digest = ? AND user = ?", arguments: [digest, user.rawValue])
    }
    guard let body, let content = FileManager.default.contents(atPath: path(digest)) else {
      throw RookeryError(.notFound, "You have uploaded no file “\(digest.prefix(16))”.", mend: "Upload it, then send the prompt.")
    }
    return (try JSON.decode(Attachment.self, from: body), content)
  }

  private func path(_ digest: String) -> String { "\(directory)/\(digest)" }

  private func write(_ content: Data, to digest: String) async throws {
    let path = path(digest)
    guard !FileManager.default.fileExists(atPath: path) else { return }
    do {
      try FileManager.default.createDirectory(
        atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
      let draft = "\(path).\(UInt64.random(in: .min ... .max))"
      defer { unlink(draft) }
      guard FileManager.default.createFile(atPath: draft, contents: nil, attributes: [.posixPermissions: 0o600]),
        let file = FileHandle(forWritingAtPath: draft)
      else { throw CocoaError(.fileWriteUnknown) }
      try file.write(contentsOf: content)
      try file.synchronize()
      try file.close()
      guard rename(draft, path) == 0 else { throw CocoaError(.fileWriteUnknown) }
    } catch {
      throw RookeryError(
        .diskFull, "The file could not be stored.", mend: "See that the data directory has room.", context: "\(error)")
    }
  }

  /// Forgets what is old, and files that nobody waits with.
  private func sweep() async throws {
    let kept = try await registry.changing { database in
      try database.execute(
        sql: "DELETE FROM upload WHERE created < ?", arguments: [Date(timeIntervalSinceNow: -Self.age).timeIntervalSince1970])
      return try Set(String.fetchAll(database, sql: "SELECT DISTINCT digest FROM upload"))
    }
    for name in (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? [] where !kept.contains(name) {
      // A file on its way has no row yet.
      let made = try? FileManager.default.attributesOfItem(atPath: path(name))[.modificationDate] as? Date
      if let made, made.timeIntervalSinceNow < -3600 { unlink(path(name)) }
    }
  }

  // MARK: What is said of a file

  private static func digest(_ content: Data) -> String {
    SHA256.hash(data: content).map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
  }

  /// A name that is one path component and stands on one line.
  private static func plain(_ name: String) throws -> String {
    let last = name.split(whereSeparator: { $0 == "/" || $0 == "\\" }).last.map(String.init) ?? ""
    let scalars = last.unicodeScalars.filter { $0.properties.generalCategory != .control && $0.properties.generalCategory != .format }
    var text = String(String.UnicodeScalarView(scalars)).trimmingCharacters(in: .whitespaces)
    while text.utf8.count > 120 { text.removeFirst() }
    guard !text.isEmpty, text != ".", text != ".." else {
      throw RookeryError(.badRequest, "The file has no name.", mend: "Give it one, such as “picture.png”.")
    }
    return text.hasPrefix("-") ? "_" + text : text
  }

  /// Images are what their bytes say; anything else is what its sender says, unless that is an image.
  private static func type(of content: Data, said: String) -> String {
    let start = Array(content.prefix(12))
    if start.starts(with: [0x89, 0x50, 0x4e, 0x47]) { return "image/png" }
    if start.starts(with: [0xff, 0xd8, 0xff]) { return "image/jpeg" }
    if start.starts(with: Array("GIF8".utf8)) { return "image/gif" }
    if start.starts(with: Array("RIFF".utf8)), start.dropFirst(8).elementsEqual(Array("WEBP".utf8)) { return "image/webp" }
    let plain = said.lowercased().split(separator: ";").first.map { $0.trimmingCharacters(in: .whitespaces) } ?? ""
    let isType =
      plain.utf8.count <= 100 && plain.split(separator: "/").count == 2
      && plain.utf8.allSatisfy { (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) || "/.+-".utf8.contains($0) }
    return isType && !plain.hasPrefix("image/") ? plain : "application/octet-stream"
  }
}
