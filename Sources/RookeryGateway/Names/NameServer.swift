import RookeryModel
import Synchronization

/// The name server of one sandbox. It knows the names that the sandbox may reach, and gives each an address that nobody has: where a
/// connection really goes is decided by the name that it carries, and by a look-up of ours.
final class NameServer: Sendable {
  private static let remembered = 1024

  /// What becomes of a message.
  struct Reply: Equatable, Sendable {
    /// Nil: no answer.
    var bytes: [UInt8]?
    /// The name that was refused.
    var refused: HostName?
  }

  let sandbox: SandboxID
  private let grants: GrantBook
  /// Which name an address was given out for, to name rejected connections.
  private let given = Mutex<[IPAddress: HostName]>([:])

  init(sandbox: SandboxID, grants: GrantBook) {
    self.sandbox = sandbox
    self.grants = grants
  }

  func reply(to message: [UInt8]) -> Reply {
    guard let question = DNSQuestion(message) else { return Reply(bytes: DNSQuestion.malformed(message)) }
    guard let name = HostName(question.name) else { return Reply(bytes: question.answer(.unknownName)) }
    let kind = DNSQuestion.Kind(rawValue: question.type)
    if Broker.allCases.contains(where: { $0.host == name.text }) {
      return Reply(bytes: question.answer(.none, addresses: kind == .address ? [[127, 0, 0, 1]] : []))
    }
    do {
      guard try grants.knows(sandbox, name) else { return Reply(bytes: question.answer(.unknownName), refused: name) }
    } catch {
      return Reply(bytes: question.answer(.failed))
    }
    // Nothing but the address: what else there may be to know (HTTPS records above all) would lead around the proxy.
    guard kind == .address, let address = Self.address(for: name) else { return Reply(bytes: question.answer(.none)) }
    given.withLock { given in
      if given.count >= Self.remembered { given.removeAll() }
      given[address] = name
    }
    return Reply(bytes: question.answer(.none, addresses: [address.bytes]))
  }

  /// The name that `address` was given out for, as far as that is remembered.
  func name(of address: IPAddress) -> HostName? { given.withLock { $0[address] } }

  /// An address of 198.18.0.0/15 (RFC 2544), the same for the same name. Two names may share one.
  static func address(for name: HostName) -> IPAddress? {
    // FNV-1a.
    let hash = name.text.utf8.reduce(UInt32(2_166_136_261)) { ($0 ^ UInt32($1)) &* 16_777_619 }
    let offset = hash % 131_000 + 256
    return IPAddress(bytes: [198, 18 + UInt8(offset >> 16), UInt8(offset >> 8 & 0xff), UInt8(offset & 0xff)])
  }
}

/// Texts about refusals.
enum NetworkRefusal {
  static let mend = "The operator can add it under repositories.NAME.hosts, or allow what the repository's environment file asks for."
}

extension Refusals {
  /// Tells of a name that is not answered for.
  func tell(_ sandbox: SandboxID, name: HostName, peer: SandboxPeer?) async {
    await tell(
      sandbox, host: name.text, port: 53, reason: "“\(name)” is not among the hosts of this repository. \(NetworkRefusal.mend)", peer: peer)
  }
}
