import Foundation
import GRDB
import RookeryModel

/// The audit log: it only grows, which the database itself enforces.
extension Registry {
  /// Records that `actor` (nil: the server itself) did something. `detail` never holds a secret.
  @discardableResult
  package func audit(
    _ action: AuditEntry.Action, by actor: User?, subject: String = "", origin: String = "server", detail: [String: String] = [:],
    at now: Date = Date()
  ) async throws -> Int64 {
    let text = try RegistryJSON.encode(detail)
    return try await changing { database in
      try database.execute(
        sql: "INSERT INTO audit (at, actor, name, action, subject, origin, detail) VALUES (?, ?, ?, ?, ?, ?, ?)",
        arguments: [
          now.timeIntervalSince1970, actor?.id.rawValue, actor?.name ?? "Rookery", action.rawValue, String(subject.prefix(500)),
          String(origin.prefix(200)), text,
        ])
      return database.lastInsertedRowID
    }
  }

  /// At most `limit` entries after number `after`, in order.
  package func auditLog(after: Int64, limit: Int) async throws -> [AuditEntry] {
    try await reading { database in
      try Row.fetchAll(database, sql: "SELECT * FROM audit WHERE seq > ? ORDER BY seq LIMIT ?", arguments: [after, limit]).map { row in
        AuditEntry(
          seq: row["seq"], at: Date(timeIntervalSince1970: row["at"]), actor: (row["actor"] as String?).flatMap { UserID(rawValue: $0) },
          name: row["name"], action: AuditEntry.Action(rawValue: row["action"]) ?? .other, subject: row["subject"], origin: row["origin"],
          detail: try RegistryJSON.decode([String: String].self, from: row["detail"]))
      }
    }
  }
}
