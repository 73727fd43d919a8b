import Foundation
import RookeryModel

/// What a sandbox may do with a host at a port.
struct SiteDecision: Equatable, Sendable {
  /// Everything that its grant says about it; not empty.
  var rules: [Grant.Site.Access]

  /// Nil when nothing allows it.
  init?(sites: [Grant.Site], host: HostName, port: Int) {
    rules = sites.filter { $0.host.matches(host, port: port) }.map(\.access)
    if rules.isEmpty { return nil }
  }

  /// Whether the gateway ends its TLS, to see what is asked of it.
  var isIntercepted: Bool { rules.contains { $0 != .open } }

  /// Whether it is a host of one of the session's repositories.
  var servesGit: Bool { rules.contains(.git) }

  var credential: (header: String, value: Secret)? {
    for rule in rules { if case .credential(let header, let value) = rule { return (header, value) } }
    return nil
  }

  /// What becomes of a request that is not git's.
  enum Verdict: Equatable, Sendable {
    /// Passed on as it is; only ever without interception.
    case asIs
    /// Passed on without the sandbox's credentials.
    case stripped
    /// Passed on with this one instead.
    case with(header: String, value: Secret)
    case refused(String)
  }

  func verdict(isRead: Bool, path: String, query: String?) -> Verdict {
    if !isIntercepted { return .asIs }
    if let (header, value) = credential {
      guard !CredentialNames.isIn(query, isStrict: false) else {
        return .refused("It bears a secret of the operator's: another credential in the address is not let through.")
      }
      return .with(header: header, value: value)
    }
    guard isRead else { return .refused("Only GET and HEAD are let through to this host.") }
    // Somebody's own account would make a read of theirs a way out for what is in the sandbox.
    guard !CredentialNames.isIn(query, isStrict: true) else {
      return .refused("A credential in the address is not let through to this host.")
    }
    if rules.contains(.read) || rules.contains(.open) { return .stripped }
    for rule in rules {
      guard case .forge(let prefix) = rule else { continue }
      if Self.isBelow(prefix, path) { return .stripped }
      return .refused("Of this API only what is below \(prefix) is let through.")
    }
    return .refused("This host serves git's protocol only, and only for this session's repository.")
  }

  private static func isBelow(_ prefix: String, _ path: String) -> Bool {
    // An encoded slash or dot could be read in two ways.
    guard !path.contains("%") else { return false }
    let (prefix, path) = (prefix.lowercased(), path.lowercased())
    return path == prefix || path.hasPrefix(prefix + "/")
  }
}
