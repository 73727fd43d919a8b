import RookeryModel

/// A packet that a sandbox's packet filter rejected, as the kernel's log tells it (linux/netfilter/nfnetlink_log.h).
struct RejectedPacket: Equatable, Sendable {
  var destination: IPAddress
  /// Of TCP and UDP; 0 for other protocols.
  var port: Int
  var transport: String
  /// Of the program that sent it; nil where there are no ports.
  var sourcePort: Int?

  /// The packets in one reading of the netlink socket. What is not understood is left out.
  static func all(in bytes: ArraySlice<UInt8>) -> [RejectedPacket] {
    var packets: [RejectedPacket] = []
    var rest = bytes
    // struct nlmsghdr: length, type, flags, sequence, port; then struct nfgenmsg of four bytes; then attributes.
    while rest.count >= 20 {
      let length = host32(rest)
      guard length >= 20, length <= rest.count else { break }
      let message = rest.prefix(length)
      let type = host16(message.dropFirst(4))
      // NFNL_SUBSYS_ULOG, NFULNL_MSG_PACKET.
      if type == 4 << 8, let payload = attribute(9, in: message.dropFirst(20)), let packet = RejectedPacket(payload) {
        packets.append(packet)
      }
      rest = rest.dropFirst(min((length + 3) & ~3, rest.count))
    }
    return packets
  }

  /// From the packet's own headers.
  init?(_ packet: ArraySlice<UInt8>) {
    let bytes = Array(packet)
    guard let first = bytes.first else { return nil }
    let (protocolNumber, start, address): (UInt8, Int, IPAddress?)
    switch first >> 4 {
    case 4 where bytes.count >= 20:
      (protocolNumber, start, address) = (bytes[9], Int(first & 0xf) * 4, IPAddress(bytes: Array(bytes[16..<20])))
    case 6 where bytes.count >= 40: (protocolNumber, start, address) = (bytes[6], 40, IPAddress(bytes: Array(bytes[24..<40])))
    default: return nil
    }
    guard let address else { return nil }
    destination = address
    transport = [6: "TCP", 17: "UDP", 1: "ICMP", 58: "ICMP"][protocolNumber] ?? "protocol \(protocolNumber)"
    let hasPort = (protocolNumber == 6 || protocolNumber == 17) && bytes.count >= start + 4
    port = hasPort ? Int(bytes[start + 2]) << 8 | Int(bytes[start + 3]) : 0
    sourcePort = hasPort ? Int(bytes[start]) << 8 | Int(bytes[start + 1]) : nil
  }

  private static func attribute(_ wanted: Int, in bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    var rest = bytes
    while rest.count >= 4 {
      let length = host16(rest)
      guard length >= 4, length <= rest.count else { return nil }
      if host16(rest.dropFirst(2)) & 0x3fff == wanted { return rest.prefix(length).dropFirst(4) }
      rest = rest.dropFirst(min((length + 3) & ~3, rest.count))
    }
    return nil
  }

  // Netlink speaks the machine's own byte order.
  private static func host16(_ bytes: ArraySlice<UInt8>) -> Int {
    Int(bytes.prefix(2).withUnsafeBytes { $0.loadUnaligned(as: UInt16.self) })
  }

  private static func host32(_ bytes: ArraySlice<UInt8>) -> Int {
    Int(bytes.prefix(4).withUnsafeBytes { $0.loadUnaligned(as: UInt32.self) })
  }
}
