/// Addresses that begin with the same bits: `10.1.0.0/16`, or one alone.
public struct AddressBlock: Sendable, Hashable, CustomStringConvertible {
  public let address: IPAddress
  public let bits: Int

  /// Nil unless it is an address, possibly followed by `/` and how many of its bits count.
  public init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count <= 2, let address = IPAddress(String(parts[0])) else { return nil }
    self.address = address
    let whole = address.bytes.count * 8
    guard parts.count == 2 else {
      bits = whole
      return
    }
    guard parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }), let bits = Int(parts[1]), bits <= whole else { return nil }
    self.bits = bits
  }

  /// Whether `other` is one of them; an IPv4 address that was mapped into IPv6 counts as itself.
  public func contains(_ other: IPAddress) -> Bool {
    let mapped: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]
    let plain = other.isIPv6 && other.bytes.starts(with: mapped) ? IPAddress(bytes: Array(other.bytes.dropFirst(12))) ?? other : other
    return plain.isInside(address.bytes, bits: bits)
  }

  public var description: String { "\(address)/\(bits)" }
}
