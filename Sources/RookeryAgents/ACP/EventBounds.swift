import RookeryModel

/// Keeps what an agent says within what an event may hold: 256 KiB as JSON.
enum EventBounds {
  /// Bytes, as JSON, of the text of one event.
  static let text = 192 << 10
  /// Bytes, as JSON, of one tool's input, output, or side of a diff.
  static let value = 64 << 10
  /// Bytes, as JSON, of a remark of ours or an error's text.
  static let note = 4 << 10

  /// The bytes that `byte` takes inside a JSON string.
  private static func cost(_ byte: UInt8) -> Int {
    switch byte {
    case 0x22, 0x5c, 0x08, 0x09, 0x0a, 0x0c, 0x0d: 2
    case 0..<0x20: 6
    default: 1
    }
  }

  /// The bytes that `text` takes as a JSON string.
  static func size(_ text: String) -> Int { text.utf8.reduce(2) { $0 + cost($1) } }

  /// The end of the longest prefix of `text[start...]`, cut between scalars, whose JSON form has at most `limit` bytes.
  private static func end(in text: String.UTF8View, from start: String.Index, limit: Int) -> String.Index {
    var size = 2
    var index = start
    var boundary = start
    while index < text.endIndex {
      let byte = text[index]
      if byte & 0xC0 != 0x80 { boundary = index }
      size += cost(byte)
      if size > limit { return boundary }
      index = text.index(after: index)
    }
    return text.endIndex
  }

  /// `text` in pieces that each fit into one event; none when it is empty.
  static func pieces(of text: String) -> [String] {
    guard text.utf8.count > Self.text / 6 else { return text.isEmpty ? [] : [text] }
    var pieces: [String] = []
    var start = text.startIndex
    while start < text.endIndex {
      let end = end(in: text.utf8, from: start, limit: Self.text)
      pieces.append(String(text[start..<end]))
      start = end
    }
    return pieces
  }

  /// `text`, shortened to `limit` bytes of JSON plus a remark that says how much is missing.
  static func cut(_ text: String, to limit: Int) -> String {
    guard text.utf8.count > limit / 6, size(text) > limit else { return text }
    let end = end(in: text.utf8, from: text.startIndex, limit: max(2, limit))
    return text[..<end] + marker(text.utf8.distance(from: end, to: text.endIndex))
  }

  /// A short text of one line: a title, a name, a path.
  static func line(_ text: String, to limit: Int = 1 << 10) -> String {
    let end = end(in: text.utf8, from: text.startIndex, limit: limit)
    return end == text.endIndex ? text : text[..<end] + "…"
  }

  /// About the bytes that `value` takes as JSON.
  static func size(of value: JSONValue) -> Int {
    switch value {
    case .null, .bool: 6
    case .integer, .number: 24
    case .string(let text): size(text) + 1
    case .array(let elements): elements.reduce(3) { $0 + size(of: $1) }
    case .object(let members): members.reduce(3) { $0 + size($1.key) + 2 + size(of: $1.value) }
    }
  }

  static func marker(_ bytes: Int) -> String { "… \(bytes) bytes left out" }

  /// `value` with its long texts and lists shortened, in at most about `limit` bytes of JSON.
  static func cut(_ value: JSONValue, to limit: Int) -> JSONValue {
    var left = limit
    return cut(value, left: &left)
  }

  private static func cut(_ value: JSONValue, left: inout Int) -> JSONValue {
    switch value {
    case .null, .bool: left -= 6
    case .integer, .number: left -= 24
    case .string(let text):
      let short = cut(text, to: max(2, left))
      left -= size(short) + 1
      return .string(short)
    case .array(let elements):
      left -= 3
      var kept: [JSONValue] = []
      for (index, element) in elements.enumerated() {
        guard left > 0 else {
          kept.append(.string("… \(elements.count - index) more left out"))
          break
        }
        kept.append(cut(element, left: &left))
      }
      return .array(kept)
    case .object(let members):
      left -= 3
      var kept: [String: JSONValue] = [:]
      for (key, member) in members.sorted(by: { $0.key < $1.key }) {
        guard left > 0, key.utf8.count <= 1 << 10 else {
          kept["…"] = .string("\(members.count - kept.count) more left out")
          break
        }
        left -= size(key) + 2
        kept[key] = cut(member, left: &left)
      }
      return .object(kept)
    }
    return value
  }
}
