import Dispatch
import Glibc
import RookeryModel

/// Turns a host's name into addresses with the system's resolver, on threads of its own.
struct Resolver: Sendable {
  private static let queue = DispatchQueue(label: "rookery.resolver", attributes: .concurrent)

  /// By name, in place of what the system's resolver says.
  var fixed: [String: [String]] = [:]

  /// The addresses of `host` in the order in which they should be tried.
  /// - Throws: `unavailable` when there are none.
  func addresses(of host: String) async throws -> [IPAddress] {
    if let literal = IPAddress(host) { return [literal] }
    if let known = fixed[host] { return known.compactMap { IPAddress($0) } }
    return try await withCheckedThrowingContinuation { continuation in
      Self.queue.async { continuation.resume(with: Result { try Self.lookUp(host) }) }
    }
  }

  private static func lookUp(_ host: String) throws -> [IPAddress] {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = AI_ADDRCONFIG
    var list: UnsafeMutablePointer<addrinfo>?
    let failed = getaddrinfo(host, nil, &hints, &list)
    guard failed == 0 else {
      throw RookeryError(
        .unavailable, "The name “\(host)” cannot be resolved: \(String(cString: gai_strerror(failed))).",
        mend: "Check the URL, and the host's name resolution.")
    }
    defer { freeaddrinfo(list) }
    var addresses: [IPAddress] = []
    var next = list
    while let entry = next?.pointee {
      if let address = address(of: entry), !addresses.contains(address) { addresses.append(address) }
      next = entry.ai_next
    }
    guard !addresses.isEmpty else { throw RookeryError(.unavailable, "The name “\(host)” has no address.") }
    return addresses
  }

  private static func address(of entry: addrinfo) -> IPAddress? {
    guard let pointer = UnsafeRawPointer(entry.ai_addr) else { return nil }
    switch entry.ai_family {
    case AF_INET:
      let address = pointer.loadUnaligned(as: sockaddr_in.self).sin_addr
      return withUnsafeBytes(of: address) { IPAddress(bytes: Array($0)) }
    case AF_INET6:
      let address = pointer.loadUnaligned(as: sockaddr_in6.self).sin6_addr
      return withUnsafeBytes(of: address) { IPAddress(bytes: Array($0)) }
    default: return nil
    }
  }
}
