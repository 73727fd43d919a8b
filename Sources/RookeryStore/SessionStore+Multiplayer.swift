import Foundation
import GRDB
import RookeryModel

extension SessionStore {
  static func registerMultiplayer(in migrator: inout DatabaseMigrator) {
    migrator.registerMigration("4") { database in
      try database.execute(
        sql: """
          ALTER TABLE prompt ADD COLUMN mode TEXT NOT NULL DEFAULT 'queue';
          ALTER TABLE prompt ADD COLUMN attachments BLOB;
          -- Requests that changed something without making a prompt: what they were answered.
          CREATE TABLE request (id TEXT PRIMARY KEY, digest BLOB NOT NULL, answer BLOB NOT NULL) STRICT;
          -- Files that go with prompts.
          CREATE TABLE attachment (digest TEXT PRIMARY KEY, content BLOB NOT NULL) STRICT;
          -- Links by which people join: only the SHA-256 of their secret is kept.
          CREATE TABLE invitation (id TEXT PRIMARY KEY, hash BLOB NOT NULL UNIQUE, body BLOB NOT NULL) STRICT;
          """)
    }
  }
}

/// The queue's order, and requests that change it.
extension SessionTransaction {
  /// Puts prompts that wait into this order: they share out the places that they have.
  package func setOrder(_ order: [PromptID]) throws {
    let places = try order.map { prompt in
      try Int64.fetchOne(database, sql: "SELECT position FROM prompt WHERE id = ?", arguments: [prompt.rawValue]) ?? 0
    }
    for (prompt, place) in zip(order, places.sorted()) {
      try database.execute(sql: "UPDATE prompt SET position = ? WHERE id = ?", arguments: [place, prompt.rawValue])
    }
  }

  package func setText(_ text: String, author: Author, of prompt: PromptID) throws {
    try database.execute(
      sql: "UPDATE prompt SET text = ?, author = ? WHERE id = ?", arguments: [text, JSON.encode(author), prompt.rawValue])
  }

  package func setMode(_ mode: PromptMode, of prompt: PromptID) throws {
    try database.execute(sql: "UPDATE prompt SET mode = ? WHERE id = ?", arguments: [mode.rawValue, prompt.rawValue])
  }

  /// The prompt waits again, for a turn of its own.
  package func putBack(_ prompt: PromptID) throws {
    try database.execute(
      sql: "UPDATE prompt SET state = 'queued', turn = NULL, mode = 'steer' WHERE id = ?", arguments: [prompt.rawValue])
  }

  /// What a request that made no prompt was answered, and the SHA-256 of its body.
  package func change(_ request: String) throws -> (digest: Data, answer: Data)? {
    try Row.fetchOne(database, sql: "SELECT digest, answer FROM request WHERE id = ?", arguments: [request]).map { ($0[0], $0[1]) }
  }

  package func addChange(_ request: String, digest: Data, answer: Data) throws {
    try database.execute(
      sql: "INSERT INTO request (id, digest, answer) VALUES (?, ?, ?)", arguments: [request, digest, answer])
  }
}

/// Files of prompts.
extension SessionTransaction {
  package func addAttachment(_ digest: String, content: Data) throws {
    try database.execute(
      sql: "INSERT INTO attachment (digest, content) VALUES (?, ?) ON CONFLICT DO NOTHING", arguments: [digest, content])
  }

  package func attachment(_ digest: String) throws -> Data? {
    try Data.fetchOne(database, sql: "SELECT content FROM attachment WHERE digest = ?", arguments: [digest])
  }
}

/// Links by which people join.
extension SessionTransaction {
  package func setInvitation(_ invitation: Invitation, hash: Data) throws {
    try database.execute(
      sql: "INSERT INTO invitation (id, hash, body) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body",
      arguments: [invitation.id, hash, JSON.encode(invitation)])
  }

  /// The invitation whose secret has this hash.
  package func invitation(hash: Data) throws -> Invitation? {
    try Data.fetchOne(database, sql: "SELECT body FROM invitation WHERE hash = ?", arguments: [hash])
      .map { try JSON.decode(Invitation.self, from: $0) }
  }

  package func invitations() throws -> [Invitation] {
    try Data.fetchAll(database, sql: "SELECT body FROM invitation ORDER BY id").map { try JSON.decode(Invitation.self, from: $0) }
  }

  package func removeInvitation(_ id: String) throws {
    try database.execute(sql: "DELETE FROM invitation WHERE id = ?", arguments: [id])
  }
}
