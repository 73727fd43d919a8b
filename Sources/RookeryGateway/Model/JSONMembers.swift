import Foundation
import RookeryModel

/// The members of a JSON object's top level, found without building the whole value.
///
/// For a request of many megabytes of which a few members matter, and whose bytes are forwarded unchanged: it is strict where
/// parsers differ (duplicate keys can be seen, unbalanced brackets and text after the object are refused).
struct JSONMembers: Sendable {
  struct Member: Sendable {
    var key: String
    var value: Data
  }

  private(set) var members: [Member] = []

  private static let depthLimit = 256
  private static let memberLimit = 1000

  /// - Throws: `badRequest` when `bytes` is not one object.
  init(_ bytes: Data) throws {
    var scanner = Scanner(bytes: [UInt8](bytes))
    try scanner.expect(0x7b)
    if scanner.skip(0x7d) {
      try scanner.expectEnd()
      return
    }
    repeat {
      guard members.count < Self.memberLimit else { throw Scanner.malformed }
      let key = try scanner.string()
      try scanner.expect(0x3a)
      let value = try scanner.value(depthLimit: Self.depthLimit)
      guard let text = try? JSONDecoder().decode(String.self, from: Data(key)) else { throw Scanner.malformed }
      members.append(Member(key: text, value: Data(value)))
    } while scanner.skip(0x2c)
    try scanner.expect(0x7d)
    try scanner.expectEnd()
  }

  /// - Throws: `badRequest` when a key comes twice, in any mixture of cases: readers differ in which they take.
  func refuseRepetitions() throws {
    var seen: Set<String> = []
    for member in members where !seen.insert(member.key.lowercased()).inserted {
      throw RookeryError(.badRequest, "The request names “\(member.key.prefix(80).description.printable)” in several ways.")
    }
  }

  /// The elements of an array. Throws `badRequest` when `bytes` is none.
  static func elements(of bytes: Data) throws -> [Data] {
    var scanner = Scanner(bytes: [UInt8](bytes))
    try scanner.expect(0x5b)
    var elements: [Data] = []
    if !scanner.skip(0x5d) {
      repeat { elements.append(Data(try scanner.value(depthLimit: depthLimit))) } while scanner.skip(0x2c)
      try scanner.expect(0x5d)
    }
    try scanner.expectEnd()
    return elements
  }

  static func isObject(_ value: Data) -> Bool { value.first == 0x7b }
  static func isArray(_ value: Data) -> Bool { value.first == 0x5b }
  static func isScalar(_ value: Data) -> Bool { !isObject(value) && !isArray(value) }

  /// The value of `key`, decoded; nil when there is none.
  /// - Throws: `badRequest` when it is of another type or there are several, in any mixture of cases: readers differ in which they take.
  func decode<Value: Decodable>(_ type: Value.Type, _ key: String) throws -> Value? {
    let found = members.filter { $0.key.lowercased() == key }
    guard let member = found.first else { return nil }
    guard found.count == 1, member.key == key else { throw RookeryError(.badRequest, "The request names “\(key)” in several ways.") }
    do { return try JSONDecoder().decode(type, from: member.value) } catch {
      throw RookeryError(.badRequest, "The request's “\(key)” is not what it should be.")
    }
  }
}

/// Walks JSON text by its brackets and strings.
private struct Scanner {
  static let malformed = RookeryError(.badRequest, "The request's body is not a JSON object.")

  let bytes: [UInt8]
  private var position = 0

  init(bytes: [UInt8]) { self.bytes = bytes }

  mutating func skip(_ byte: UInt8) -> Bool {
    skipSpace()
    guard position < bytes.count, bytes[position] == byte else { return false }
    position += 1
    return true
  }

  mutating func expect(_ byte: UInt8) throws { guard skip(byte) else { throw Self.malformed } }

  mutating func expectEnd() throws {
    skipSpace()
    guard position == bytes.count else { throw Self.malformed }
  }

  /// A string with its quotes.
  mutating func string() throws -> ArraySlice<UInt8> {
    skipSpace()
    let start = position
    guard position < bytes.count, bytes[position] == 0x22 else { throw Self.malformed }
    position += 1
    while position < bytes.count {
      switch bytes[position] {
      case 0x22:
        position += 1
        return bytes[start..<position]
      case 0x5c: position += 2
      default: position += 1
      }
    }
    throw Self.malformed
  }

  /// Any value, by its extent.
  mutating func value(depthLimit: Int) throws -> ArraySlice<UInt8> {
    skipSpace()
    let start = position
    var open: [UInt8] = []
    while position < bytes.count {
      switch bytes[position] {
      case 0x22: _ = try string()
      case 0x5b, 0x7b:
        guard open.count < depthLimit else { throw Self.malformed }
        open.append(bytes[position] + 2)
        position += 1
        continue
      case 0x5d, 0x7d:
        guard open.popLast() == bytes[position] else { throw Self.malformed }
        position += 1
      case 0x20, 0x09, 0x0a, 0x0d, 0x2c, 0x3a:
        guard !open.isEmpty else { throw Self.malformed }
        position += 1
        continue
      default: try scalar()
      }
      if open.isEmpty { return bytes[start..<position] }
    }
    throw Self.malformed
  }

  /// A number or a word.
  private mutating func scalar() throws {
    let start = position
    while position < bytes.count, Self.isScalarByte(bytes[position]) { position += 1 }
    guard position > start else { throw Self.malformed }
  }

  private mutating func skipSpace() {
    while position < bytes.count, [0x20, 0x09, 0x0a, 0x0d].contains(bytes[position]) { position += 1 }
  }

  private static func isScalarByte(_ byte: UInt8) -> Bool {
    (0x61...0x7a).contains(byte) || (0x30...0x39).contains(byte) || [0x2b, 0x2d, 0x2e, 0x45].contains(byte)
  }
}
