import RookeryModel

/// Reads JSON that a hostile or broken program wrote: bounded in depth and in number of values, lenient about bytes.
///
/// Invalid UTF-8 and lone surrogates are repaired, unescaped control characters in strings are taken as they are. (Foundation's
/// decoder bounds neither the number of values nor, through `JSONValue`, its time for each.)
struct JSONReader {
  enum Failure: Error { case malformed, tooComplex }

  private static let maximumDepth = 128
  private static let maximumValues = 1_000_000

  private let bytes: UnsafeBufferPointer<UInt8>
  private var position = 0
  private var values = 0

  /// The one JSON value of `line`, with nothing but white space around it.
  static func value(of line: [UInt8]) throws(Failure) -> JSONValue {
    let outcome = line.withUnsafeBufferPointer { buffer -> Result<JSONValue, Failure> in
      var reader = JSONReader(bytes: buffer)
      do throws(Failure) {
        let value = try reader.value(depth: 0)
        reader.skipSpace()
        return reader.position == buffer.count ? .success(value) : .failure(.malformed)
      } catch {
        return .failure(error)
      }
    }
    return try outcome.get()
  }

  private init(bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

  private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func skipSpace() {
    while let byte = current, byte == 0x20 || byte == 0x09 || byte == 0x0d || byte == 0x0a { position += 1 }
  }

  private mutating func expect(_ byte: UInt8) throws(Failure) {
    guard current == byte else { throw .malformed }
    position += 1
  }

  private mutating func value(depth: Int) throws(Failure) -> JSONValue {
    values += 1
    guard depth < Self.maximumDepth, values <= Self.maximumValues else { throw .tooComplex }
    skipSpace()
    switch current {
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return try array(depth: depth)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    default: return try number()
    }
  }

  private mutating func word(_ text: StaticString, _ value: JSONValue) throws(Failure) -> JSONValue {
    let count = text.utf8CodeUnitCount
    guard position + count <= bytes.count else { throw .malformed }
    for index in 0..<count where bytes[position + index] != text.utf8Start[index] { throw .malformed }
    position += count
    return value
  }

  private mutating func object(depth: Int) throws(Failure) -> JSONValue {
    position += 1
    var members: [String: JSONValue] = [:]
    skipSpace()
    if current == UInt8(ascii: "}") {
      position += 1
      return .object(members)
    }
    while true {
      skipSpace()
      let key = try string()
      skipSpace()
      try expect(UInt8(ascii: ":"))
      members[key] = try value(depth: depth + 1)
      skipSpace()
      if current == UInt8(ascii: ",") {
        position += 1
        continue
      }
      try expect(UInt8(ascii: "}"))
      return .object(members)
    }
  }

  private mutating func array(depth: Int) throws(Failure) -> JSONValue {
    position += 1
    var elements: [JSONValue] = []
    skipSpace()
    if current == UInt8(ascii: "]") {
      position += 1
      return .array(elements)
    }
    while true {
      elements.append(try value(depth: depth + 1))
      skipSpace()
      if current == UInt8(ascii: ",") {
        position += 1
        continue
      }
      try expect(UInt8(ascii: "]"))
      return .array(elements)
    }
  }

  private mutating func number() throws(Failure) -> JSONValue {
    let start = position
    var whole = true
    while let byte = current {
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"): break
      case UInt8(ascii: "+"), UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"): whole = false
      default: return try number(start..<position, whole: whole)
      }
      position += 1
    }
    return try number(start..<position, whole: whole)
  }

  private func number(_ range: Range<Int>, whole: Bool) throws(Failure) -> JSONValue {
    guard !range.isEmpty, range.count <= 400 else { throw .malformed }
    let text = String(decoding: bytes[range], as: UTF8.self)
    if whole, let value = Int64(text) { return .integer(value) }
    guard let value = Double(text), value.isFinite else { throw .malformed }
    // `1.0` and `1e3` are whole numbers too: what is stored and read again must be the same value.
    return Int64(exactly: value).map { .integer($0) } ?? .number(value)
  }

  private mutating func string() throws(Failure) -> String {
    try expect(UInt8(ascii: "\""))
    let start = position
    while let byte = current, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") { position += 1 }
    if current == UInt8(ascii: "\"") {
      position += 1
      return String(decoding: bytes[start..<(position - 1)], as: UTF8.self)
    }
    var text = Array(bytes[start..<position])
    while let byte = current {
      position += 1
      switch byte {
      case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
      case UInt8(ascii: "\\"): try escape(into: &text)
      default: text.append(byte)
      }
    }
    throw .malformed
  }

  private mutating func escape(into text: inout [UInt8]) throws(Failure) {
    guard let byte = current else { throw .malformed }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0c)
    case UInt8(ascii: "n"): text.append(0x0a)
    case UInt8(ascii: "r"): text.append(0x0d)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "u"): text.append(contentsOf: String(Character(try escapedScalar())).utf8)
    default: throw .malformed
    }
  }

  private mutating func escapedScalar() throws(Failure) -> Unicode.Scalar {
    let replacement: Unicode.Scalar = "\u{FFFD}"
    let first = try hexadecimal()
    guard (0xD800..<0xDC00).contains(first) else { return Unicode.Scalar(first) ?? replacement }
    // A high surrogate counts only with the low one that must follow.
    guard current == UInt8(ascii: "\\"), position + 1 < bytes.count, bytes[position + 1] == UInt8(ascii: "u") else { return replacement }
    let mark = position
    position += 2
    let second = try hexadecimal()
    guard (0xDC00..<0xE000).contains(second) else {
      position = mark
      return replacement
    }
    return Unicode.Scalar(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)) ?? replacement
  }

  private mutating func hexadecimal() throws(Failure) -> UInt32 {
    guard position + 4 <= bytes.count else { throw .malformed }
    var value: UInt32 = 0
    for _ in 0..<4 {
      switch bytes[position] {
      case let digit where (0x30...0x39).contains(digit): value = value << 4 | UInt32(digit - 0x30)
      case let digit where (0x41...0x46).contains(digit): value = value << 4 | UInt32(digit - 0x37)
      case let digit where (0x61...0x66).contains(digit): value = value << 4 | UInt32(digit - 0x57)
      default: throw .malformed
      }
      position += 1
    }
    return value
  }
}
