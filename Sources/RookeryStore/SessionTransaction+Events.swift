import Foundation
import GRDB
import RookeryModel

/// An event as it was committed: its place and its bytes on the wire.
package struct StoredEvent: Sendable, Equatable {
  package var seq: Int64
  package var kind: String
  package var json: Data
}

extension SessionTransaction {
  /// The newest event's seq; 0 when there is none.
  package func lastSeq() throws -> Int64 {
    try Int64.fetchOne(database, sql: "SELECT max(seq) FROM event") ?? 0
  }

  /// Appends an event under the next seq.
  package func append(_ payload: EventPayload, turn: Int?, at time: Date) throws -> StoredEvent {
    let seq = try lastSeq() + 1
    let json = try JSON.encode(Event(seq: seq, time: time, turn: turn, payload: payload))
    try database.cachedStatement(sql: "INSERT INTO event (seq, turn, kind, json) VALUES (?, ?, ?, ?)")
      .execute(arguments: [seq, turn, payload.kind, json])
    return StoredEvent(seq: seq, kind: payload.kind, json: json)
  }

  /// Events after `after` in order: at most `limit`, and at most about `bytes` together (but one at least).
  package func events(after: Int64, limit: Int, bytes: Int) throws -> [StoredEvent] {
    let rows = try Row.fetchCursor(
      database.cachedStatement(sql: "SELECT seq, kind, json FROM event WHERE seq > ? ORDER BY seq LIMIT ?"),
      arguments: [after, limit])
    var found: [StoredEvent] = []
    var size = 0
    while let row = try rows.next() {
      let event = StoredEvent(seq: row[0], kind: row[1], json: row[2])
      found.append(event)
      size += event.json.count
      if size >= bytes { break }
    }
    return found
  }

  /// The newest events before `before`, in order: at most `limit`, and at most about `bytes` together (but one at least).
  package func events(before: Int64, limit: Int, bytes: Int) throws -> [StoredEvent] {
    let rows = try Row.fetchCursor(
      database.cachedStatement(sql: "SELECT seq, kind, json FROM event WHERE seq < ? ORDER BY seq DESC LIMIT ?"),
      arguments: [before, limit])
    var found: [StoredEvent] = []
    var size = 0
    while let row = try rows.next() {
      let event = StoredEvent(seq: row[0], kind: row[1], json: row[2])
      found.append(event)
      size += event.json.count
      if size >= bytes { break }
    }
    return found.reversed()
  }

  /// Appends an artifact's content and its event together.
  package func append(_ artifact: Artifact, content: Data, turn: Int?, at time: Date) throws -> StoredEvent {
    let event = try append(.artifactCreated(artifact), turn: turn, at: time)
    try database.execute(
      sql: "INSERT INTO artifact (id, seq, turn, body, content) VALUES (?, ?, ?, ?, ?)",
      arguments: [artifact.id.rawValue, event.seq, turn, JSON.encode(artifact), content])
    return event
  }

  package func artifacts() throws -> [Artifact] {
    try Data.fetchAll(database, sql: "SELECT body FROM artifact ORDER BY seq").map { try JSON.decode(Artifact.self, from: $0) }
  }

  package func artifact(_ id: ArtifactID) throws -> (Artifact, Data)? {
    guard let row = try Row.fetchOne(database, sql: "SELECT body, content FROM artifact WHERE id = ?", arguments: [id.rawValue])
    else { return nil }
    return (try JSON.decode(Artifact.self, from: row[0]), row[1])
  }
}

extension SessionTransaction {
  /// A turn's events of some kinds, in order.
  package func events(ofTurn turn: Int, kinds: Set<String>) throws -> [Event] {
    try Row.fetchAll(database, sql: "SELECT kind, json FROM event WHERE turn = ? ORDER BY seq", arguments: [turn])
      .filter { kinds.contains($0[0]) }.map { try JSON.decode(Event.self, from: $0[1]) }
  }
}
