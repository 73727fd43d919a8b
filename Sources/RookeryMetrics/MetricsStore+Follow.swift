import Foundation
import GRDB
import RookeryModel
import RookeryStore

extension MetricsStore {
  /// Events of one session that one transaction looks at.
  package static let pageSize = 5000

  /// Brings a session's rows up to its log; a session without a file is forgotten, one that was restored from an earlier point is
  /// derived anew. Returns the events that were looked at.
  @discardableResult
  package func follow(_ session: SessionID, in directory: String, pageSize: Int = MetricsStore.pageSize) throws -> Int {
    guard SessionStore.exists(directory: directory, session: session) else {
      try database.write { try Derivation(database: $0).remove(session) }
      return 0
    }
    let log = try SessionLog(directory: directory, session: session)
    var count = 0
    while true {
      let known = try database.read { try Derivation(database: $0).cursor(of: session) }
      let after = known?.seq ?? 0
      let page = try log.page(after: after, limit: pageSize, kinds: Derivation.kinds, firstOfTurn: Derivation.signs)
      if let known, known.generation != page.generation || known.seq > page.last {
        try database.write { try Derivation(database: $0).remove(session) }
        continue
      }
      guard page.through > after else { return count }
      guard try database.write({ try Derivation(database: $0).take(page, of: session, after: after) }) else { continue }
      count += Int(page.through - after)
    }
  }

  /// Sessions of which there are rows.
  package func sessions() throws -> [SessionID] {
    try database.read { try String.fetchAll($0, sql: "SELECT session FROM cursor").map { try SessionID($0) } }
  }

  /// Derives everything anew from the sessions' files, in one transaction: until it ends readers see what there was, and one that is
  /// cut short changes nothing. A session whose log can't be read is left out, and `unreadable` hears of it.
  package func rebuild(
    from directory: String, pageSize: Int = MetricsStore.pageSize, unreadable: (SessionID, any Error) -> Void
  ) throws -> (sessions: Int, events: Int) {
    try database.write { database in
      for table in Self.tables { try database.execute(sql: "DELETE FROM \(table)") }
      var sessions = 0
      var events = 0
      for session in try SessionStore.sessions(in: directory) {
        do {
          var seq: Int64 = 0
          try database.inSavepoint {
            seq = try Self.derive(session, in: directory, pageSize: pageSize, database)
            return .commit
          }
          sessions += 1
          events += Int(seq)
        } catch {
          unreadable(session, error)
        }
      }
      return (sessions, events)
    }
  }

  private static func derive(_ session: SessionID, in directory: String, pageSize: Int, _ database: Database) throws -> Int64 {
    let log = try SessionLog(directory: directory, session: session)
    let derivation = Derivation(database: database)
    var seq: Int64 = 0
    while true {
      let page = try log.page(after: seq, limit: pageSize, kinds: Derivation.kinds, firstOfTurn: Derivation.signs)
      guard page.through > seq, try derivation.take(page, of: session, after: seq) else { return seq }
      seq = page.through
    }
  }
}
