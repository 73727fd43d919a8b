import Foundation
import GRDB
import RookeryModel

/// A prompt that a request made, for answering the request's repetition.
package struct StoredRequest: Sendable, Equatable {
  package var prompt: PromptID
  package var seq: Int64
  /// SHA-256 of the request's body.
  package var digest: Data
}

extension SessionTransaction {
  package func request(_ id: String) throws -> StoredRequest? {
    guard let row = try Row.fetchOne(database, sql: "SELECT id, seq, digest FROM prompt WHERE request = ?", arguments: [id])
    else { return nil }
    return StoredRequest(prompt: try PromptID(row[0] as String), seq: row[1], digest: row[2])
  }

  /// Adds a prompt at the end of the queue.
  package func enqueue(_ prompt: Prompt, request: String, digest: Data, seq: Int64) throws {
    try database.execute(
      sql: """
        INSERT INTO prompt (id, request, digest, text, author, state, turn, position, seq, mode, attachments)
        VALUES (?, ?, ?, ?, ?, ?, NULL, (SELECT coalesce(max(position), 0) + 1 FROM prompt), ?, ?, ?)
        """,
      arguments: [
        prompt.id.rawValue, request, digest, prompt.text, JSON.encode(prompt.author), prompt.state.rawValue, seq,
        prompt.mode.rawValue, prompt.attachments.map { try JSON.encode($0) },
      ])
  }

  /// Every prompt in queue order.
  package func prompts() throws -> [Prompt] {
    try Row.fetchAll(database, sql: "SELECT * FROM prompt ORDER BY position").map(Self.prompt)
  }

  package func prompt(_ id: PromptID) throws -> Prompt? {
    try Row.fetchOne(database, sql: "SELECT * FROM prompt WHERE id = ?", arguments: [id.rawValue]).map(Self.prompt)
  }

  /// The prompt that runs next.
  package func nextPrompt() throws -> Prompt? {
    try Row.fetchOne(database, sql: "SELECT * FROM prompt WHERE state = 'queued' ORDER BY position LIMIT 1").map(Self.prompt)
  }

  package func setState(_ state: Prompt.State, of prompt: PromptID, turn: Int?) throws {
    try database.execute(
      sql: "UPDATE prompt SET state = ?, turn = coalesce(?, turn) WHERE id = ?",
      arguments: [state.rawValue, turn, prompt.rawValue])
  }

  private static func prompt(_ row: Row) throws -> Prompt {
    guard let state = Prompt.State(rawValue: row["state"]) else {
      throw RookeryError(.internal, "The session's file holds an unknown prompt state.", context: "\(row["state"] as String)")
    }
    return Prompt(
      id: try PromptID(row["id"] as String), text: row["text"], author: try JSON.decode(Author.self, from: row["author"]),
      state: state, turn: row["turn"], mode: PromptMode(rawValue: row["mode"]) ?? .queue,
      attachments: try (row["attachments"] as Data?).map { try JSON.decode([Attachment].self, from: $0) })
  }
}
