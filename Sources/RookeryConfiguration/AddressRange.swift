import RookeryModel

/// A block of addresses: `10.0.0.0/8`, `fd00::/8`, or one address.
public struct AddressRange: Sendable, Equatable {
  private let bytes: [UInt8]
  private let bits: Int

  /// Nil when the text is no such block.
  public init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard (1...2).contains(parts.count), let address = IPAddress(parts[0]) else { return nil }
    bytes = address.bytes
    guard parts.count == 2 else {
      bits = bytes.count * 8
      return
    }
    guard let length = Int(parts[1]), (0...bytes.count * 8).contains(length) else { return nil }
    bits = length
  }

  public func contains(_ text: String) -> Bool {
    guard let other = IPAddress(text)?.bytes, other.count == bytes.count else { return false }
    return (0..<bits).allSatisfy { bit in
      let mask = UInt8(0x80) >> UInt8(bit % 8)
      return bytes[bit / 8] & mask == other[bit / 8] & mask
    }
  }
}

extension YAMLValue {
  func addressRange() throws -> AddressRange {
    guard let range = AddressRange(try line(limit: 100)) else {
      throw failure("is no address and no block of addresses.", mend: "Write one like 10.0.0.0/8 or 127.0.0.1.")
    }
    return range
  }
}
