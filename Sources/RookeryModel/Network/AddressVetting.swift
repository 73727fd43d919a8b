/// Decides which of a name's addresses are dialled: the one place for what `serve` dials and for what the gateway dials.
public struct AddressVetting: Sendable {
  /// No address of a name may be dialled.
  public struct Refused: Error, Equatable {
    /// The first of them.
    public var address: IPAddress?
    /// What it is, as people call it: “loopback”.
    public var kind: String
  }

  /// `host:port`, in lower case, with IPv6 addresses in brackets.
  private let privateHosts: [String]

  /// - Parameter privateHosts: `host:port` pairs that the operator allows on any address.
  public init(privateHosts: [String]) { self.privateHosts = privateHosts.map { $0.lowercased() } }

  /// Whether the operator named this host and port.
  public func allowsPrivateAddresses(of host: String, port: Int) -> Bool {
    privateHosts.contains("\(host.contains(":") ? "[\(host)]" : host.lowercased()):\(port)")
  }

  /// Those of `addresses` that may be dialled, in their order: the public ones, or any where the operator named host and port. The
  /// caller dials these and does not resolve the name again.
  public func allowed(_ addresses: [IPAddress], host: String, port: Int) throws(Refused) -> [IPAddress] {
    if allowsPrivateAddresses(of: host, port: port) { return addresses }
    let allowed = addresses.filter { AddressPolicy.refusal(of: $0) == nil }
    guard allowed.isEmpty else { return allowed }
    throw Refused(address: addresses.first, kind: addresses.first.flatMap(AddressPolicy.refusal) ?? "unknown")
  }
}
