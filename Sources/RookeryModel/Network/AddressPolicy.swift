/// Which addresses may be dialled for a sandbox or a repository: public unicast ones.
///
/// From the IANA special-purpose registries (RFC 6890 and its updates). IPv6 is an allowlist, `2000::/3` less the special ranges
/// in it, so that mapped, translated (NAT64), unique local, link-local and multicast addresses fall out by themselves.
public enum AddressPolicy {
  private struct Range: Sendable {
    var prefix: [UInt8]
    var bits: Int
    var kind: String

    init(_ text: String, _ bits: Int, _ kind: String) {
      prefix = IPAddress(text)?.bytes ?? []
      self.bits = bits
      self.kind = kind
    }
  }

  private static let refusedIPv4 = [
    Range("0.0.0.0", 8, "unspecified"), Range("10.0.0.0", 8, "private"), Range("100.64.0.0", 10, "shared (carrier NAT)"),
    Range("127.0.0.0", 8, "loopback"), Range("169.254.0.0", 16, "link-local"), Range("172.16.0.0", 12, "private"),
    // Answers every machine in Azure with what only that machine may know, although it is public by its form:
    // https://learn.microsoft.com/en-us/azure/virtual-network/what-is-ip-address-168-63-129-16
    Range("168.63.129.16", 32, "metadata"),
    Range("192.0.0.0", 24, "reserved"), Range("192.0.2.0", 24, "documentation"), Range("192.88.99.0", 24, "relay"),
    Range("192.168.0.0", 16, "private"), Range("198.18.0.0", 15, "benchmarking"), Range("198.51.100.0", 24, "documentation"),
    Range("203.0.113.0", 24, "documentation"), Range("224.0.0.0", 4, "multicast"), Range("240.0.0.0", 4, "reserved"),
  ]

  private static let namedIPv6 = [
    Range("::", 128, "unspecified"), Range("::1", 128, "loopback"), Range("::ffff:0:0", 96, "IPv4-mapped"),
    Range("64:ff9b::", 96, "NAT64"), Range("64:ff9b:1::", 48, "NAT64"), Range("fc00::", 7, "unique local"),
    Range("fe80::", 10, "link-local"), Range("ff00::", 8, "multicast"), Range("2001::", 23, "reserved"),
    Range("2001:db8::", 32, "documentation"), Range("2002::", 16, "6to4"), Range("3fff::", 20, "documentation"),
  ]

  private static let publicIPv6 = Range("2000::", 3, "public")

  /// Why `address` may not be dialled; nil when it may.
  public static func refusal(of address: IPAddress) -> String? {
    guard address.isIPv6 else { return refusedIPv4.first { address.isInside($0.prefix, bits: $0.bits) }?.kind }
    if let named = namedIPv6.first(where: { address.isInside($0.prefix, bits: $0.bits) }) { return named.kind }
    return address.isInside(publicIPv6.prefix, bits: publicIPv6.bits) ? nil : "reserved"
  }
}
