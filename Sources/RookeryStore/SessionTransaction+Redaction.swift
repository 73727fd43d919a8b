import Foundation
import GRDB
import RookeryModel

extension SessionTransaction {
  /// What stands in the place of a text that was erased.
  package static let redacted = "[redacted]"

  /// Erases `text` from everything that the session's file holds, also where it came in several chunks of one message.
  /// Returns in how many places of the log it stood, and the first of them.
  package func redact(_ text: String) throws -> (places: Int, first: Int64?) {
    var (places, first): (Int, Int64?) = (0, nil)
    var run: [RedactedChunk] = []
    func finishRun() throws {
      let found = RedactedChunk.erase(text, from: &run)
      for chunk in run where chunk.hasChanged { try replace(chunk.seq, chunk.event) }
      if let place = found.first {
        places += found.count
        first = min(first ?? place, place)
      }
      run = []
    }
    let rows = try Row.fetchCursor(database, sql: "SELECT seq, json FROM event ORDER BY seq")
    while let row = try rows.next() {
      let seq: Int64 = row[0]
      let json: Data = row[1]
      let event = try JSON.decode(Event.self, from: json)
      if let chunk = RedactedChunk(event) {
        if let last = run.last, !last.continues(with: chunk) || run.count > 4096 { try finishRun() }
        run.append(chunk)
        continue
      }
      try finishRun()
      if let (clean, count) = try Self.erase(text, fromJSON: json) {
        guard let still = try? JSON.decode(Event.self, from: clean), still.seq == seq, still.payload.kind == event.payload.kind else {
          throw RookeryError(
            .badRequest, "The text is a part of the log's own words.", mend: "Give more of the secret, or all of it.")
        }
        places += count
        first = min(first ?? seq, seq)
        try replace(seq, json: clean)
      }
    }
    try finishRun()
    try redactTexts(text)
    try redactDocuments(text)
    return (places, first)
  }

  private func replace(_ seq: Int64, _ event: Event) throws { try replace(seq, json: JSON.encode(event)) }

  private func replace(_ seq: Int64, json: Data) throws {
    try database.execute(sql: "UPDATE event SET json = ? WHERE seq = ?", arguments: [json, seq])
  }

  private func redactTexts(_ text: String) throws {
    try database.execute(
      sql: "UPDATE prompt SET text = replace(text, ?1, ?2) WHERE instr(text, ?1) > 0", arguments: [text, Self.redacted])
  }

  /// Columns of JSON, and bytes that may be anything.
  private func redactDocuments(_ text: String) throws {
    for (table, column) in [("meta", "body"), ("turn", "body"), ("artifact", "body"), ("process", "state")] {
      for row in try Row.fetchAll(database, sql: "SELECT rowid, \(column) FROM \(table)") {
        guard let (clean, _) = try Self.erase(text, fromJSON: row[1]) else { continue }
        try database.execute(sql: "UPDATE \(table) SET \(column) = ? WHERE rowid = ?", arguments: [clean, row[0] as Int64])
      }
    }
    // Offsets count bytes of what a process was given: those that are on their way keep their length.
    let mask = Data(repeating: UInt8(ascii: "*"), count: text.utf8.count)
    for (table, column, replacement) in [("artifact", "content", Data(Self.redacted.utf8)), ("outbox", "bytes", mask)] {
      for row in try Row.fetchAll(database, sql: "SELECT rowid, \(column) FROM \(table)") {
        guard let (clean, _) = Self.erase(Data(text.utf8), from: row[1], replacement) else { continue }
        try database.execute(sql: "UPDATE \(table) SET \(column) = ? WHERE rowid = ?", arguments: [clean, row[0] as Int64])
      }
    }
  }

  /// The text as it stands inside a JSON string.
  private static func erase(_ text: String, fromJSON json: Data) throws -> (Data, count: Int)? {
    let quoted = try JSON.encode(text)
    return erase(quoted.dropFirst().dropLast(), from: json, Data(redacted.utf8))
  }

  static func erase(_ needle: Data, from bytes: Data, _ replacement: Data) -> (Data, count: Int)? {
    guard let first = bytes.range(of: needle) else { return nil }
    var clean = Data()
    var count = 0
    var start = bytes.startIndex
    var next: Range<Data.Index>? = first
    while let range = next {
      clean += bytes[start..<range.lowerBound] + replacement
      count += 1
      start = range.upperBound
      next = bytes.range(of: needle, in: start..<bytes.endIndex)
    }
    return (clean + bytes[start...], count)
  }
}

/// A chunk of a message that a text may stand across.
struct RedactedChunk {
  private(set) var event: Event
  private(set) var hasChanged = false
  var seq: Int64 { event.seq }

  /// Nil for events that are no chunks.
  init?(_ event: Event) {
    self.event = event
    guard text != nil else { return nil }
  }

  private var text: String? {
    get {
      switch event.payload {
      case .agentMessage(let chunk), .agentThought(let chunk): chunk.text
      case .agentOutput(let chunk): chunk.text
      default: nil
      }
    }
    set {
      hasChanged = true
      switch event.payload {
      case .agentMessage(var chunk):
        chunk.text = newValue ?? ""
        event.payload = .agentMessage(chunk)
      case .agentThought(var chunk):
        chunk.text = newValue ?? ""
        event.payload = .agentThought(chunk)
      case .agentOutput(var chunk):
        chunk.text = newValue ?? ""
        event.payload = .agentOutput(chunk)
      default: break
      }
    }
  }

  func continues(with next: RedactedChunk) -> Bool { event.payload.kind == next.event.payload.kind && event.turn == next.event.turn }

  /// Erases `secret` from chunks that belong together; returns the seq at which each place began.
  static func erase(_ secret: String, from chunks: inout [RedactedChunk]) -> [Int64] {
    let needle = Data(secret.utf8)
    let texts = chunks.map { Data(($0.text ?? "").utf8) }
    let whole = texts.reduce(into: Data()) { $0 += $1 }
    var places: [Range<Int>] = []
    var start = 0
    while let range = whole.range(of: needle, in: start..<whole.count) {
      places.append(range)
      start = range.upperBound
    }
    guard !places.isEmpty else { return [] }
    var begun: [Int64] = []
    var offset = 0
    for (place, text) in texts.enumerated() {
      let own = offset..<offset + text.count
      var clean = Data()
      var position = own.lowerBound
      for range in places where range.overlaps(own) {
        clean += whole[position..<max(position, range.lowerBound)]
        if own.contains(range.lowerBound) {
          clean += Data(SessionTransaction.redacted.utf8)
          begun.append(chunks[place].seq)
        }
        position = min(range.upperBound, own.upperBound)
      }
      if position > own.lowerBound || clean.count > 0 {
        clean += whole[position..<own.upperBound]
        chunks[place].text = String(decoding: clean, as: UTF8.self)
      }
      offset = own.upperBound
    }
    return begun
  }
}
