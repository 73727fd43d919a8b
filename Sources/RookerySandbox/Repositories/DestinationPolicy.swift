import Glibc
import RookeryModel

/// Decides which addresses `serve` itself may dial for a repository: public ones, and private ones of hosts that the operator
/// named.
struct DestinationPolicy: Sendable {
  private let vetting: AddressVetting

  /// - Parameter privateHosts: `host:port` pairs.
  init(privateHosts: [String]) { vetting = AddressVetting(privateHosts: privateHosts) }

  func allowsPrivateAddresses(of url: RepositoryURL) -> Bool { vetting.allowsPrivateAddresses(of: url.host, port: url.port) }

  /// The addresses to dial, vetted; the caller dials these and doesn't resolve the name again.
  /// Throws `repositoryUnreachable` when there are none, or only private ones.
  func addresses(of url: RepositoryURL) async throws -> [IPAddress] {
    let host = url.host
    let slow = RookeryError(
      .repositoryUnreachable, "The name \(host) was not resolved within 10 seconds.", mend: "Check the name servers of this machine.")
    let found = try await BlockingWork.run(atMost: .seconds(10), failure: slow) { try Self.resolve(host) }
    return try vetted(found, of: url)
  }

  func vetted(_ addresses: [IPAddress], of url: RepositoryURL) throws -> [IPAddress] {
    guard !addresses.isEmpty else { throw Self.unknown(url.host) }
    do { return try vetting.allowed(addresses, host: url.host, port: url.port) } catch {
      let address = error.address.map { "\($0)" } ?? ""
      throw RookeryError(
        .repositoryUnreachable, "\(url.host) has the address \(address) (\(error.kind)), which repositories may not be on.",
        mend: "If that is meant, list “\(url.host):\(url.port)” under “network: private_hosts:” in the server's configuration.")
    }
  }

  private static func unknown(_ host: String) -> RookeryError {
    RookeryError(.repositoryUnreachable, "There is no host named \(host).", mend: "Check the repository's URL.")
  }

  private static func resolve(_ host: String) throws -> [IPAddress] {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    let error = getaddrinfo(host, nil, &hints, &list)
    defer { if let list { freeaddrinfo(list) } }
    if error == EAI_AGAIN {
      throw RookeryError(
        .repositoryUnreachable, "The name \(host) can't be resolved now.", mend: "Check the network and the name servers of this machine.")
    }
    guard error == 0 else { throw unknown(host) }
    var found: [IPAddress] = []
    for entry in sequence(first: list, next: { $0?.pointee.ai_next }) {
      guard let entry else { break }
      var text = [CChar](repeating: 0, count: 64)
      let info = entry.pointee
      guard getnameinfo(info.ai_addr, info.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0 else { continue }
      let numeric = String(decoding: text.prefix { $0 != 0 && $0 != 0x25 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      if let address = IPAddress(numeric), !found.contains(address) { found.append(address) }
    }
    return Array(found.prefix(16))
  }
}
