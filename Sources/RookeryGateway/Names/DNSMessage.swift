/// A question to a name server, and answers to it (RFC 1035), as far as a resolver in a sandbox needs them.
struct DNSQuestion: Equatable, Sendable {
  enum Kind: UInt16, Sendable {
    case address = 1
    case address6 = 28
    case service = 64
    case https = 65
  }

  enum Code: UInt16, Sendable {
    case none = 0
    case malformed = 1
    case failed = 2
    case unknownName = 3
    case notImplemented = 4
    case refused = 5
  }

  static let lengthLimit = 512
  private static let headerLength = 12

  let id: UInt16
  /// As it came, with its case: some resolvers check that the answer repeats it.
  let name: String
  /// Of the record that is asked for; any number.
  let type: UInt16
  let recursionDesired: Bool
  /// The bytes of the question section, which answers repeat.
  private let section: [UInt8]

  /// Nil for what is no plain question about one name of the internet class: it is answered by `malformed(_:)`, or not at all.
  init?(_ bytes: [UInt8]) {
    guard (Self.headerLength...Self.lengthLimit).contains(bytes.count) else { return nil }
    func number(_ offset: Int) -> UInt16 { UInt16(bytes[offset]) << 8 | UInt16(bytes[offset + 1]) }
    let flags = number(2)
    // A query of the standard kind with exactly one question and no answers; additional records (EDNS) are not read.
    guard flags & 0xf800 == 0, number(4) == 1, number(6) == 0, number(8) == 0 else { return nil }
    var position = Self.headerLength
    var labels: [String] = []
    while true {
      guard position < bytes.count else { return nil }
      let length = Int(bytes[position])
      position += 1
      if length == 0 { break }
      // Compression has no place in a question.
      guard length < 64, position + length <= bytes.count, labels.count < 128 else { return nil }
      let label = bytes[position..<(position + length)]
      guard label.allSatisfy({ (0x21...0x7e).contains($0) && $0 != 0x2e && $0 != 0x5c }) else { return nil }
      labels.append(String(decoding: label, as: UTF8.self))
      position += length
    }
    guard position + 4 <= bytes.count, number(position + 2) == 1, position - Self.headerLength <= 255 else { return nil }
    id = number(0)
    name = labels.joined(separator: ".")
    type = number(position)
    recursionDesired = flags & 0x0100 != 0
    section = Array(bytes[Self.headerLength..<(position + 4)])
  }

  /// An answer with these addresses of the kind that was asked for, or with none.
  func answer(_ code: Code, addresses: [IPAddressBytes] = [], lifetime: UInt32 = 60) -> [UInt8] {
    // Response, authoritative, recursion available.
    let flags: UInt16 = 0x8480 | (recursionDesired ? 0x0100 : 0) | code.rawValue
    var answer = Self.header(id: id, flags: flags, questions: 1, answers: UInt16(addresses.count)) + section
    for address in addresses {
      // The name is that of the question, at offset 12.
      answer += [0xc0, 0x0c] + Self.two(type) + Self.two(1) + Self.two(UInt16(lifetime >> 16)) + Self.two(UInt16(lifetime & 0xffff))
      answer += Self.two(UInt16(address.count)) + address
    }
    return answer
  }

  typealias IPAddressBytes = [UInt8]

  /// The answer to bytes that are no question; nil when not even their id can be read, or when they are an answer themselves.
  static func malformed(_ bytes: [UInt8]) -> [UInt8]? {
    guard bytes.count >= headerLength, bytes[2] & 0x80 == 0 else { return nil }
    let id = UInt16(bytes[0]) << 8 | UInt16(bytes[1])
    let code: Code = bytes[2] & 0x78 == 0 ? .malformed : .notImplemented
    return header(id: id, flags: 0x8080 | code.rawValue, questions: 0, answers: 0)
  }

  private static func header(id: UInt16, flags: UInt16, questions: UInt16, answers: UInt16) -> [UInt8] {
    [id, flags, questions, answers, 0, 0].flatMap(two)
  }

  private static func two(_ number: UInt16) -> [UInt8] { [UInt8(number >> 8), UInt8(number & 0xff)] }
}
