import RookeryModel

/// The header of a CGI answer (RFC 3875, section 6), collected from pieces.
struct CGIHead {
  private var collected: [UInt8] = []
  private(set) var status = 200
  private(set) var fields: [(name: String, value: String)] = []
  /// What followed the header in the last piece: the start of the body.
  private(set) var rest: [UInt8] = []

  /// Returns whether the header is complete.
  /// - Throws: `internal` when it is longer than 64 KiB or not a header.
  mutating func append(_ bytes: [UInt8]) throws -> Bool {
    collected += bytes
    guard let (end, next) = boundary() else {
      guard collected.count < 1 << 16 else { throw RookeryError(.internal, "The CGI answer's header does not end.") }
      return false
    }
    for line in collected[..<end].split(separator: 0x0a) {
      let text = String(decoding: line, as: UTF8.self).trimmingSuffix("\r")
      guard let colon = text.firstIndex(of: ":") else { throw RookeryError(.internal, "The CGI answer has no proper header.") }
      let name = String(text[..<colon])
      let value = String(text[text.index(after: colon)...].drop { $0 == " " })
      if name.lowercased() == "status" {
        status = Int(value.prefix(3)) ?? 500
      } else {
        fields.append((name, value))
      }
    }
    rest = Array(collected[next...])
    return true
  }

  /// Where the header ends and the body starts: an empty line, with or without carriage returns.
  private func boundary() -> (end: Int, next: Int)? {
    for index in collected.indices where collected[index] == 0x0a {
      if collected[index...].dropFirst().first == 0x0a { return (index, index + 2) }
      if collected[index...].dropFirst().starts(with: [0x0d, 0x0a]) { return (index, index + 3) }
    }
    return nil
  }
}

extension String {
  fileprivate func trimmingSuffix(_ suffix: String) -> String { hasSuffix(suffix) ? String(dropLast(suffix.count)) : self }
}
