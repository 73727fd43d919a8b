/// Git's framing of lines (gitprotocol-common(5)): four hexadecimal digits of length, themselves included, then the payload.
enum PktLine {
  /// The longest line, its length included.
  static let limit = 65520
  static let flush: [UInt8] = Array("0000".utf8)

  static func line(_ payload: [UInt8]) -> [UInt8] {
    let digits = String(payload.count + 4, radix: 16)
    return Array((String(repeating: "0", count: max(0, 4 - digits.count)) + digits).utf8) + payload
  }

  static func line(_ text: String) -> [UInt8] { line(Array(text.utf8)) }

  /// The number that four hexadecimal digits stand for; nil for anything else.
  static func length(_ digits: ArraySlice<UInt8>) -> Int? {
    guard digits.count == 4 else { return nil }
    var length = 0
    for digit in digits {
      switch digit {
      case 0x30...0x39: length = length << 4 | Int(digit - 0x30)
      case 0x41...0x46: length = length << 4 | Int(digit - 0x37)
      case 0x61...0x66: length = length << 4 | Int(digit - 0x57)
      default: return nil
      }
    }
    return length
  }
}
