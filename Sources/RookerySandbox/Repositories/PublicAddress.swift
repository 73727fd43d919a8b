import Glibc

/// Whether an address lies on the public internet. Everything else — loopback, private, link-local (with the metadata services
/// of clouds), shared, multicast, documentation, reserved, and IPv6 forms that carry such an IPv4 address — is private.
enum PublicAddress {
  static func contains(_ address: IPAddress) -> Bool {
    switch address {
    case .v4(let bits): !privateV4.contains { bits >> (32 - $0.length) == $0.prefix >> (32 - $0.length) }
    case .v6(let bytes): isPublic(bytes)
    }
  }

  private static let privateV4: [(prefix: UInt32, length: UInt32)] = [
    (0x0000_0000, 8), (0x0a00_0000, 8), (0x6440_0000, 10), (0x7f00_0000, 8), (0xa9fe_0000, 16), (0xac10_0000, 12),
    (0xc000_0000, 24), (0xc000_0200, 24), (0xc058_6300, 24), (0xc0a8_0000, 16), (0xc612_0000, 15), (0xc633_6400, 24),
    (0xcb00_7100, 24), (0xe000_0000, 3),
  ]

  private static func isPublic(_ bytes: [UInt8]) -> Bool {
    // Outside 2000::/3 nothing is global unicast: loopback, mapped and translated IPv4, unique local, link local, multicast.
    guard bytes[0] & 0xe0 == 0x20 else { return false }
    // Teredo and the other protocol assignments (2001::/23), documentation (2001:db8::/32, 3fff::/20), 6to4 (2002::/16).
    if bytes[0] == 0x20, bytes[1] == 0x01, bytes[2] & 0xfe == 0 { return false }
    if bytes.starts(with: [0x20, 0x01, 0x0d, 0xb8]) || bytes.starts(with: [0x20, 0x02]) { return false }
    return !(bytes[0] == 0x3f && bytes[1] == 0xff && bytes[2] & 0xf0 == 0)
  }
}

enum IPAddress: Sendable, Equatable {
  case v4(UInt32)
  /// 16 bytes.
  case v6([UInt8])

  /// Numeric forms only: `192.0.2.1`, `2001:db8::1`.
  init?(_ text: String) {
    var v4 = in_addr()
    if inet_pton(AF_INET, text, &v4) == 1 {
      self = .v4(UInt32(bigEndian: v4.s_addr))
      return
    }
    var v6 = in6_addr()
    guard inet_pton(AF_INET6, text, &v6) == 1 else { return nil }
    self = .v6(withUnsafeBytes(of: v6) { Array($0) })
  }

  /// As it stands in a URL: IPv6 in brackets.
  var literal: String { if case .v6 = self { "[\(text)]" } else { text } }

  var text: String {
    var buffer = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    switch self {
    case .v4(let bits):
      var address = in_addr(s_addr: bits.bigEndian)
      inet_ntop(AF_INET, &address, &buffer, socklen_t(buffer.count))
    case .v6(let bytes):
      var address = in6_addr()
      withUnsafeMutableBytes(of: &address) { $0.copyBytes(from: bytes) }
      inet_ntop(AF_INET6, &address, &buffer, socklen_t(buffer.count))
    }
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
