import Foundation
import GRDB

/// A named wake-up of a session: it rings at least once, and again until what it is for has succeeded.
package struct StoredAlarm: Sendable, Equatable {
  package var name: String
  package var due: Date
  /// How often it rang in vain.
  package var attempts: Int

  package init(name: String, due: Date, attempts: Int = 0) {
    self.name = name
    self.due = due
    self.attempts = attempts
  }
}

extension SessionTransaction {
  /// Sets an alarm, or moves the one of that name.
  package func setAlarm(_ alarm: StoredAlarm) throws {
    try database.execute(
      sql: """
        INSERT INTO alarm (name, due, attempts, body) VALUES (?, ?, ?, x'')
        ON CONFLICT (name) DO UPDATE SET due = excluded.due, attempts = excluded.attempts
        """, arguments: [alarm.name, alarm.due.timeIntervalSince1970, alarm.attempts])
  }

  package func removeAlarm(_ name: String) throws {
    try database.execute(sql: "DELETE FROM alarm WHERE name = ?", arguments: [name])
  }

  package func removeAlarms() throws { try database.execute(sql: "DELETE FROM alarm") }

  /// Soonest first.
  package func alarms() throws -> [StoredAlarm] {
    try Row.fetchAll(database, sql: "SELECT name, due, attempts FROM alarm ORDER BY due, name")
      .map { StoredAlarm(name: $0[0], due: Date(timeIntervalSince1970: $0[1]), attempts: $0[2]) }
  }
}
