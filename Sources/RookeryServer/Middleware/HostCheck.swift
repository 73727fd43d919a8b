import Foundation
import HTTPTypes
import Hummingbird
import RookeryConfiguration
import RookeryModel

/// The names under which the server answers. Any other `Host` is refused: a page elsewhere whose name was rebound to our address
/// must not reach us. Nothing is asked of the Unix socket, which no browser can reach.
struct HostNames: Sendable {
  private let names: Set<String>

  init(_ server: Configuration.Server) {
    var names: Set<String> = ["localhost", "127.0.0.1", "[::1]"]
    names.formUnion(server.allowedHosts.map { $0.lowercased() })
    if let url = server.externalURL.flatMap(URLComponents.init(string:)), let host = url.host { names.insert(host.lowercased()) }
    self.names = names
  }

  /// `authority` is a `Host` header: a name or a bracketed address, and possibly a port. An allowed name is good with any port (so
  /// that a forwarded port works), an allowed name with a port with that one only.
  func contain(authority: String) -> Bool {
    let authority = authority.lowercased()
    if names.contains(authority) { return true }
    guard let colon = authority.lastIndex(of: ":"), !authority.hasSuffix("]") else { return false }
    let port = authority[authority.index(after: colon)...]
    guard !port.isEmpty, port.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return false }
    return names.contains(String(authority[..<colon]))
  }
}

struct HostCheck: RouterMiddleware {
  let names: HostNames

  func handle(
    _ request: Request, context: RookeryRequestContext, next: (Request, RookeryRequestContext) async throws -> Response
  ) async throws -> Response {
    guard context.isLocalSocket || names.contain(authority: request.head.authority ?? "") else {
      throw RookeryError(
        .forbidden, "This server does not answer to the name “\((request.head.authority ?? "").prefix(100))”.",
        mend: "Use localhost, or add the name to server.allowed_hosts in the configuration.")
    }
    return try await next(request, context)
  }
}
