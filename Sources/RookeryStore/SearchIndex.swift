import Foundation
import GRDB
import RookeryModel

/// A piece of a session's log that can be searched for.
package struct SearchDocument: Sendable, Equatable {
  /// Of the event that it begins with.
  package var seq: Int64
  package var turn: Int?
  package var kind: String
  package var time: Date
  package var text: String

  package init(seq: Int64, turn: Int?, kind: String, time: Date, text: String) {
    self.seq = seq
    self.turn = turn
    self.kind = kind
    self.time = time
    self.text = text
  }
}

/// Full-text search over every session: `search.sqlite`, which follows the sessions' files and can be made anew from them at any time.
package final class SearchIndex: Sendable {
  private let database: DatabaseQueue
  /// Words of a query, at most.
  private static let maximumWords = 16

  package init(directory: String) throws {
    var configuration = GRDB.Configuration()
    configuration.label = "search"
    configuration.prepareDatabase { database in
      try database.execute(sql: "PRAGMA journal_mode = WAL")
      // What a power cut takes is indexed again.
      try database.execute(sql: "PRAGMA synchronous = NORMAL")
      // What was redacted is not to be read from the file either.
      try database.execute(sql: "PRAGMA secure_delete = ON")
    }
    database = try DatabaseQueue(path: directory + "/search.sqlite", configuration: configuration)
    try Self.migrator.migrate(database)
  }

  private static var migrator: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("1") { database in
      try database.execute(
        sql: """
          -- How far each session is indexed.
          CREATE TABLE place (session TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT;
          CREATE TABLE document (
            id INTEGER PRIMARY KEY, session TEXT NOT NULL, seq INTEGER NOT NULL, turn INTEGER, kind TEXT NOT NULL, time REAL NOT NULL,
            body TEXT NOT NULL
          ) STRICT;
          CREATE UNIQUE INDEX document_by_place ON document (session, seq);
          CREATE VIRTUAL TABLE text USING fts5(
            body, content = 'document', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2');
          CREATE TRIGGER document_added AFTER INSERT ON document BEGIN
            INSERT INTO text (rowid, body) VALUES (new.id, new.body);
          END;
          CREATE TRIGGER document_removed AFTER DELETE ON document BEGIN
            INSERT INTO text (text, rowid, body) VALUES ('delete', old.id, old.body);
          END;
          """)
    }
    return migrator
  }

  /// Everything of the session up to this event is indexed.
  package func place(of session: SessionID) throws -> Int64 {
    try database.read { try Int64.fetchOne($0, sql: "SELECT seq FROM place WHERE session = ?", arguments: [session.rawValue]) ?? 0 }
  }

  /// Adds documents, and moves the session's place; one that is there already stays.
  package func add(_ documents: [SearchDocument], of session: SessionID, through seq: Int64) throws {
    try database.write { database in
      for document in documents {
        try database.cachedStatement(
          sql: "INSERT INTO document (session, seq, turn, kind, time, body) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
        ).execute(arguments: [
          session.rawValue, document.seq, document.turn, document.kind, document.time.timeIntervalSince1970, document.text,
        ])
      }
      try database.execute(
        sql: "INSERT INTO place (session, seq) VALUES (?, ?) ON CONFLICT DO UPDATE SET seq = excluded.seq",
        arguments: [session.rawValue, seq])
    }
  }

  /// Removes all of a session.
  package func forget(_ session: SessionID) throws {
    try database.write { database in
      for table in ["document", "place"] {
        try database.execute(sql: "DELETE FROM \(table) WHERE session = ?", arguments: [session.rawValue])
      }
      // Until its parts are merged, the index still holds deleted words.
      try database.execute(sql: "INSERT INTO text (text) VALUES ('optimize')")
    }
    try database.writeWithoutTransaction { _ = try $0.checkpoint(.truncate) }
  }

  /// The best matches first, of the sessions that `isVisible` lets through.
  ///
  /// Words must all be there; “"several words"” in quotes stand together, and the last word may be the beginning of one. Throws
  /// `badRequest` when there is nothing to look for.
  package func find(
    _ query: String, in session: SessionID?, limit: Int, isVisible: (SessionID) throws -> Bool = { _ in true }
  ) throws -> [API.SearchHit] {
    let expression = try Self.expression(for: query)
    return try database.read { database in
      let rows = try Row.fetchCursor(
        database,
        sql: """
          SELECT document.session, document.seq, document.turn, document.kind, document.time,
            snippet(text, 0, char(2), char(3), '…', 24) AS part
          FROM text JOIN document ON document.id = text.rowid
          WHERE text MATCH ?1 AND (?2 IS NULL OR document.session = ?2) ORDER BY text.rank, document.time DESC
          """,
        arguments: [expression, session?.rawValue])
      var hits: [API.SearchHit] = []
      while hits.count < limit, let row = try rows.next() {
        let id = try SessionID(row["session"] as String)
        guard try isVisible(id) else { continue }
        hits.append(
          API.SearchHit(
            session: id, seq: row["seq"], turn: row["turn"], kind: row["kind"],
            time: Date(timeIntervalSince1970: row["time"]), text: Self.parts(of: row["part"])))
      }
      return hits
    }
  }

  /// A query of FTS5 in which nothing of what people typed is syntax.
  static func expression(for query: String) throws -> String {
    var words: [(text: String, isPhrase: Bool)] = []
    for (place, part) in query.split(separator: "\"", omittingEmptySubsequences: false).enumerated() {
      if place % 2 == 1 {
        words.append((String(part), true))
      } else {
        words += part.split(whereSeparator: \.isWhitespace).map { (String($0), false) }
      }
    }
    words = words.filter { $0.text.contains { $0.isLetter || $0.isNumber } }
    guard !words.isEmpty, words.count <= maximumWords else {
      throw RookeryError(
        .badRequest, words.isEmpty ? "There is nothing to look for." : "More than \(maximumWords) words are too many.",
        mend: "Give a few words.")
    }
    let last = words.count - 1
    return words.enumerated().map { "\"\($1.text)\"" + ($0 == last && !$1.isPhrase ? "*" : "") }.joined(separator: " ")
  }

  /// FTS5 marks what matched with control characters of our choice.
  private static func parts(of marked: String) -> [API.SearchText] {
    var parts: [API.SearchText] = []
    var text = ""
    func finish(_ isMatch: Bool) {
      if !text.isEmpty { parts.append(API.SearchText(text: text, match: isMatch)) }
      text = ""
    }
    for character in marked {
      switch character {
      case "\u{2}": finish(false)
      case "\u{3}": finish(true)
      default: text.append(character)
      }
    }
    finish(false)
    return parts
  }
}
