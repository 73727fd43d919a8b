import Foundation
import RookeryModel

/// Where the server is, and as whom it is asked.
package struct ServerAddress: Sendable, Equatable {
  package enum Place: Sendable, Equatable {
    /// The Unix socket of a data directory: the kernel tells the server who asks.
    case socket(String)
    /// Origin of a server elsewhere.
    case url(String)
  }

  package let place: Place
  package let token: Secret?

  /// `server` wins over the data directory. Throws `badRequest` for an address that is none, or that would send the token in clear.
  package init(server: String?, data: String, token: String?) throws {
    guard let server else {
      place = .socket(URL(fileURLWithPath: data).standardizedFileURL.path + "/run/api.sock")
      self.token = nil
      return
    }
    var text = server
    while text.hasSuffix("/") { text.removeLast() }
    guard let parts = URLComponents(string: text), let scheme = parts.scheme, ["http", "https"].contains(scheme),
      let host = parts.host, !host.isEmpty, parts.user == nil, parts.password == nil, parts.query == nil
    else {
      throw RookeryError(
        .badRequest, "“\(server.prefix(200))” is not the address of a server.", mend: "Write it like https://rookery.example.org.")
    }
    guard let token, !token.isEmpty else {
      throw RookeryError(
        .unauthenticated, "A server elsewhere wants a token.",
        mend: "Set ROOKERY_TOKEN; “rookery token create” makes one on the server's machine.")
    }
    let isLoopback = ["localhost", "127.0.0.1", "[::1]", "::1"].contains(host)
    guard scheme == "https" || isLoopback else {
      throw RookeryError(
        .badRequest, "The token would cross the network in clear to \(host).", mend: "Use the server's https address.")
    }
    place = .url(text)
    self.token = Secret(token)
  }

  /// The address of a path such as `/v1/sessions`.
  func url(_ path: String) -> String {
    switch place {
    case .url(let origin): return origin + path
    case .socket(let socket):
      let allowed = CharacterSet.alphanumerics.intersection(CharacterSet(charactersIn: Unicode.Scalar(0)..."\u{7f}"))
      return "http+unix://\(socket.addingPercentEncoding(withAllowedCharacters: allowed) ?? socket)\(path)"
    }
  }

  /// For people.
  var description: String {
    switch place {
    case .url(let origin): origin
    case .socket(let socket): socket
    }
  }
}
