import Foundation
import GRDBSQLite
import RookeryModel
import RookeryStore

/// A durable event append, beside SQLite itself with the same row, journal mode and synchronous setting. The two take turns, so
/// that a slow moment of the disk hits both.
func appendBenchmark(in directory: String, rounds: Int = 400) throws -> Comparison {
  let store = try SessionStore(directory: directory, session: .random(prefix: "s"), create: true)
  let raw = try RawSQLite(path: directory + "/raw.sqlite")
  let payload = EventPayload.agentMessage(.init(text: String(repeating: "x", count: 200)))
  var (ours, peer): ([Double], [Double]) = ([], [])
  for _ in 0..<rounds {
    ours.append(try milliseconds { _ = try store.write { try $0.append(payload, turn: 1, at: Date()) } })
    peer.append(try milliseconds { try raw.insert(bytes: 300) })
  }
  return Comparison(
    name: "durable event append", ours: .init(samples: ours), peer: .init(samples: peer), peerName: "raw SQLite, FULL", goal: 1.5,
    unit: "ms")
}

func milliseconds(_ body: () throws -> Void) rethrows -> Double {
  let took = try ContinuousClock().measure(body).components
  return Double(took.seconds) * 1000 + Double(took.attoseconds) / 1e15
}

/// The physical limit: one prepared insert into a WAL database with `synchronous=FULL`.
private final class RawSQLite {
  private var database: OpaquePointer?
  private var statement: OpaquePointer?

  init(path: String) throws {
    try check(sqlite3_open(path, &database))
    try check(
      sqlite3_exec(
        database, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE event (seq INTEGER PRIMARY KEY, kind TEXT, json BLOB)",
        nil, nil, nil))
    try check(sqlite3_prepare_v2(database, "INSERT INTO event (kind, json) VALUES ('agent.message', zeroblob(?))", -1, &statement, nil))
  }

  func insert(bytes: Int32) throws {
    try check(sqlite3_bind_int(statement, 1, bytes))
    guard sqlite3_step(statement) == SQLITE_DONE else { throw BenchmarkFailure("SQLite refused the insert") }
    try check(sqlite3_reset(statement))
  }

  private func check(_ code: Int32) throws {
    guard code == SQLITE_OK else { throw BenchmarkFailure("SQLite answered \(code)") }
  }

  deinit {
    sqlite3_finalize(statement)
    sqlite3_close(database)
  }
}

struct BenchmarkFailure: Error, CustomStringConvertible {
  var description: String
  init(_ description: String) { self.description = description }
}
