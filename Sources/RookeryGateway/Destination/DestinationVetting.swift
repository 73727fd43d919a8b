import RookeryModel

/// Decides which addresses may be dialled for a destination.
enum DestinationVetting {
  /// At most so many addresses are tried.
  static let attempts = 3

  /// Those of `addresses` that `destination` may be dialled at: public ones, or any when the operator's configuration lists it.
  /// - Throws: `forbidden` when none remains.
  static func allowed(_ addresses: [IPAddress], for destination: RemoteURL, privateHosts: [String]) throws -> [IPAddress] {
    if privateHosts.contains(where: { $0.lowercased() == destination.authority }) { return Array(addresses.prefix(attempts)) }
    let allowed = addresses.filter { AddressPolicy.refusal(of: $0) == nil }
    guard allowed.isEmpty else { return Array(allowed.prefix(attempts)) }
    let kind = addresses.first.flatMap(AddressPolicy.refusal) ?? "unknown"
    throw RookeryError(
      .forbidden, "“\(destination.authority)” has an address that is not public (\(kind)).",
      mend: "If that is meant, the operator lists it under network.private_hosts.")
  }
}
