import Foundation
import GRDB
import RookeryModel

/// A session's own database: its queue, events, artifacts, turns, and how far each of its processes is known.
///
/// One file a session, one writer (the session's actor). `FULL` synchronous: what `write` returned is on disk.
package final class SessionStore: Sendable {
  private let database: DatabaseQueue
  /// Of the process that writes; a greater one in the file means that another process took the session over.
  private let epoch: Int64
  /// Set in a simulation.
  private let hooks: Hooks?

  /// Opens the file of a session, making it when `create` says so; throws `notFound` when it is absent.
  package init(directory: String, session: SessionID, create: Bool, epoch: Int64 = 1) throws {
    self.epoch = epoch
    hooks = nil
    let folder = "\(directory)/\(session)"
    let path = folder + "/session.sqlite"
    if create {
      try Self.mapping {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        if !FileManager.default.fileExists(atPath: path) {
          try SessionTemplate.place(in: folder, name: "session.sqlite", migrator: Self.migrator)
        }
      }
    } else if !FileManager.default.fileExists(atPath: path) {
      throw RookeryError(.notFound, "There is no session “\(session)”.", mend: "“rookery sessions” lists those you may see.")
    }
    var configuration = GRDB.Configuration()
    configuration.label = "session"
    // A repeated request opens the file beside its session, which may be writing.
    configuration.busyMode = .timeout(10)
    configuration.prepareDatabase { database in
      try database.execute(sql: "PRAGMA journal_mode = WAL")
      try database.execute(sql: "PRAGMA synchronous = FULL")
      try database.execute(sql: "PRAGMA cache_size = -256")
    }
    database = try Self.mapping {
      let queue = try DatabaseQueue(path: path, configuration: configuration)
      try Self.migrator.migrate(queue)
      return queue
    }
  }

  /// Reads a session's file beside its writer, whom it never holds up. Throws `notFound` when it is absent.
  package init(reading directory: String, session: SessionID) throws {
    epoch = 0
    hooks = nil
    let path = "\(directory)/\(session)/session.sqlite"
    guard FileManager.default.fileExists(atPath: path) else {
      throw RookeryError(.notFound, "There is no session “\(session)”.", mend: "“rookery sessions” lists those you may see.")
    }
    var configuration = GRDB.Configuration()
    configuration.label = "session-reader"
    configuration.readonly = true
    configuration.busyMode = .timeout(10)
    database = try Self.mapping { try DatabaseQueue(path: path, configuration: configuration) }
  }

  /// Where a simulation makes a commit fail: before it, so that nothing is stored, or after it, so that nobody learns that it was.
  package struct Hooks: Sendable {
    package var beforeCommit: @Sendable () throws -> Void
    package var afterCommit: @Sendable () throws -> Void

    package init(beforeCommit: @escaping @Sendable () throws -> Void, afterCommit: @escaping @Sendable () throws -> Void) {
      self.beforeCommit = beforeCommit
      self.afterCommit = afterCommit
    }
  }

  /// A simulated store: in memory, with failures as its hooks have them.
  package init(inMemory hooks: Hooks) throws {
    epoch = 1
    self.hooks = hooks
    database = try Self.mapping {
      let queue = try DatabaseQueue()
      try Self.migrator.migrate(queue)
      return queue
    }
  }

  /// Whether a session of that id has a file.
  package static func exists(directory: String, session: SessionID) -> Bool {
    FileManager.default.fileExists(atPath: "\(directory)/\(session)/session.sqlite")
  }

  /// Every session that has a file.
  package static func sessions(in directory: String) throws -> [SessionID] {
    try FileManager.default.contentsOfDirectory(atPath: directory).compactMap(SessionID.init(rawValue:))
      .filter { exists(directory: directory, session: $0) }
  }

  /// One durable transaction. On return it is on disk; on a throw nothing of it is.
  package func write<Value>(_ body: (SessionTransaction) throws -> Value) throws -> Value {
    let value = try Self.mapping {
      try database.write { database in
        let transaction = SessionTransaction(database: database)
        try transaction.fence(epoch)
        let value = try body(transaction)
        try hooks?.beforeCommit()
        return value
      }
    }
    try hooks?.afterCommit()
    return value
  }

  package func read<Value>(_ body: (SessionTransaction) throws -> Value) throws -> Value {
    try Self.mapping { try database.read { try body(SessionTransaction(database: $0)) } }
  }

  /// Makes sure that what was erased is in none of the file's pages, nor in its journal.
  package func scrub() throws {
    try Self.mapping {
      try database.writeWithoutTransaction { database in
        try database.execute(sql: "VACUUM")
        _ = try database.checkpoint(.truncate)
      }
    }
  }

  /// SQLite's failures as typed errors: a full disk is the one that people can mend.
  private static func mapping<Value>(_ body: () throws -> Value) throws -> Value {
    do {
      return try body()
    } catch let error as DatabaseError where error.resultCode == .SQLITE_FULL || error.resultCode == .SQLITE_IOERR {
      throw RookeryError(
        .diskFull, "The disk of the data directory is full.", mend: "Free space there; reading goes on meanwhile.",
        context: error.description)
    } catch let error as DatabaseError {
      throw RookeryError(
        .internal, "The session's database refused the operation.", mend: "The server's log has the details.",
        context: error.description)
    }
  }

  private static var migrator: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("1") { database in
      try database.execute(
        sql: """
          -- `generation` changes when the session is restored from an older point; `epoch` fences writers.
          CREATE TABLE meta (
            id INTEGER PRIMARY KEY CHECK (id = 1), generation INTEGER NOT NULL, epoch INTEGER NOT NULL, body BLOB NOT NULL
          ) STRICT;
          CREATE TABLE event (seq INTEGER PRIMARY KEY, turn INTEGER, kind TEXT NOT NULL, json BLOB NOT NULL) STRICT;
          CREATE TABLE prompt (
            id TEXT PRIMARY KEY, request TEXT NOT NULL UNIQUE, digest BLOB NOT NULL, text TEXT NOT NULL, author BLOB NOT NULL,
            state TEXT NOT NULL, turn INTEGER, position INTEGER NOT NULL, seq INTEGER NOT NULL
          ) STRICT;
          CREATE TABLE turn (number INTEGER PRIMARY KEY, prompt TEXT NOT NULL REFERENCES prompt(id), body BLOB NOT NULL) STRICT;
          -- What is known of a sandbox's process: output up to these offsets has become events, `state` is its parser's.
          CREATE TABLE process (
            sandbox TEXT NOT NULL, process TEXT NOT NULL, stdout INTEGER NOT NULL, stderr INTEGER NOT NULL,
            input INTEGER NOT NULL, state BLOB NOT NULL, PRIMARY KEY (sandbox, process)
          ) STRICT;
          -- Every byte for a process's stdin, at its offset, until the process has it.
          CREATE TABLE outbox (
            sandbox TEXT NOT NULL, process TEXT NOT NULL, offset INTEGER NOT NULL, bytes BLOB NOT NULL,
            PRIMARY KEY (sandbox, process, offset)
          ) STRICT;
          CREATE TABLE artifact (id TEXT PRIMARY KEY, seq INTEGER NOT NULL, turn INTEGER, body BLOB NOT NULL, content BLOB NOT NULL) STRICT;
          -- Named wake-ups, at least once.
          CREATE TABLE alarm (name TEXT PRIMARY KEY, due REAL NOT NULL, attempts INTEGER NOT NULL, body BLOB NOT NULL) STRICT;
          """)
    }
    migrator.registerMigration("2") { database in
      try database.execute(
        sql: """
          -- Filesystems that the session can go back to; the provider has them under the same ids.
          CREATE TABLE snapshot (id TEXT PRIMARY KEY, seq INTEGER NOT NULL, turn INTEGER, created REAL NOT NULL) STRICT;
          """)
    }
    return migrator
  }
}

/// What can be read and written in one transaction of a session's database.
package struct SessionTransaction {
  let database: Database

  /// Throws `unavailable` when a process of a later epoch has written; from now on earlier ones can't.
  func fence(_ epoch: Int64) throws {
    guard let written = try Int64.fetchOne(database.cachedStatement(sql: "SELECT epoch FROM meta")), written != epoch else { return }
    guard written < epoch else {
      throw RookeryError(
        .unavailable, "Another server has taken this session over.", mend: "Connect again.", context: "epoch \(written), ours \(epoch)")
    }
    try database.execute(sql: "UPDATE meta SET epoch = ?", arguments: [epoch])
  }

  /// A part of the transaction that is undone by itself when `body` throws.
  package func part<Value>(_ body: () throws -> Value) throws -> Value {
    var value: Value?
    try database.inSavepoint {
      value = try body()
      return .commit
    }
    guard let value else { throw RookeryError(.internal, "A part of a transaction had no outcome.", mend: "Try again.") }
    return value
  }
}
