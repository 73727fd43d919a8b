import Glibc

/// An IPv4 or IPv6 address.
public struct IPAddress: Sendable, Hashable, CustomStringConvertible {
  /// 4 or 16 bytes in network order.
  public let bytes: [UInt8]

  /// Nil unless there are 4 or 16 bytes.
  public init?(bytes: [UInt8]) {
    guard bytes.count == 4 || bytes.count == 16 else { return nil }
    self.bytes = bytes
  }

  /// The standard spellings only: dotted quad or RFC 4291, as inet_pton(3) reads them. `127.1`, `0x7f000001` and the like are not.
  public init?(_ text: String) {
    var four = in_addr()
    var six = in6_addr()
    if inet_pton(AF_INET, text, &four) == 1 {
      bytes = withUnsafeBytes(of: &four) { Array($0) }
    } else if inet_pton(AF_INET6, text, &six) == 1 {
      bytes = withUnsafeBytes(of: &six) { Array($0) }
    } else {
      return nil
    }
  }

  public var isIPv6: Bool { bytes.count == 16 }

  /// As it stands in a URL: IPv6 in brackets.
  public var literal: String { isIPv6 ? "[\(description)]" : description }

  public var description: String {
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    inet_ntop(isIPv6 ? AF_INET6 : AF_INET, bytes, &text, socklen_t(text.count))
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Whether the first `bits` bits are those of `prefix`.
  func isInside(_ prefix: [UInt8], bits: Int) -> Bool {
    guard prefix.count == bytes.count else { return false }
    let whole = bits / 8
    guard bytes[..<whole] == prefix[..<whole] else { return false }
    let rest = bits % 8
    return rest == 0 || (bytes[whole] ^ prefix[whole]) >> (8 - rest) == 0
  }
}
