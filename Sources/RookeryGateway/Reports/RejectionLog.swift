import Glibc
import RookeryModel

/// Tells of a sandbox's packets that were rejected before they reached any socket of ours.
struct RejectionLog: Sendable {
  let sandbox: SandboxID
  let names: NameServer
  let refusals: Refusals

  /// Reads `descriptor`, which it closes in the end, until the task is cancelled.
  func serve(_ descriptor: Int32) async {
    let readable = ReadableDescriptor(descriptor, label: "rookery.rejections")
    await readable.serve { receive($0) }
  }

  private func receive(_ descriptor: Int32) {
    var bytes = [UInt8](repeating: 0, count: 16 << 10)
    for _ in 0..<64 {
      let count = recv(descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT))
      // The kernel says that it dropped some: nothing to do about it.
      if count < 0, errno == ENOBUFS || errno == EINTR { continue }
      guard count > 0 else { return }
      for packet in RejectedPacket.all(in: bytes[..<count]) { tell(packet) }
    }
  }

  private func tell(_ packet: RejectedPacket) {
    let host = names.name(of: packet.destination)?.text ?? packet.destination.description
    let reason = "\(packet.transport) to this port is not let out of a sandbox: only TLS and HTTP are, to hosts that are allowed."
    // A socket that was reset is gone; one of UDP lives until its program closes it.
    let peer = packet.transport == "UDP" ? packet.sourcePort.map { SandboxPeer(transport: .udp, port: $0) } : nil
    Task { await refusals.tell(sandbox, host: host, port: packet.port, reason: reason, peer: peer) }
  }
}
