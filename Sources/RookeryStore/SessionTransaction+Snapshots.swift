import Foundation
import GRDB
import RookeryModel

/// A snapshot that a session can go back to, or be forked from.
package struct StoredSnapshot: Sendable, Equatable {
  package var id: SnapshotID
  /// Of the event that tells of it: everything up to there is in it.
  package var seq: Int64
  package var turn: Int?
  package var created: Date

  package init(id: SnapshotID, seq: Int64, turn: Int?, created: Date) {
    self.id = id
    self.seq = seq
    self.turn = turn
    self.created = created
  }
}

extension SessionTransaction {
  /// Remembers a snapshot; one that is known already stays as it is.
  package func addSnapshot(_ snapshot: StoredSnapshot) throws {
    try database.execute(
      sql: "INSERT INTO snapshot (id, seq, turn, created) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
      arguments: [snapshot.id.rawValue, snapshot.seq, snapshot.turn, snapshot.created.timeIntervalSince1970])
  }

  package func removeSnapshot(_ id: SnapshotID) throws {
    try database.execute(sql: "DELETE FROM snapshot WHERE id = ?", arguments: [id.rawValue])
  }

  /// Oldest first.
  package func snapshots() throws -> [StoredSnapshot] {
    try Row.fetchAll(database, sql: "SELECT id, seq, turn, created FROM snapshot ORDER BY seq")
      .map {
        StoredSnapshot(id: try SnapshotID($0[0] as String), seq: $0[1], turn: $0[2], created: Date(timeIntervalSince1970: $0[3]))
      }
  }
}
