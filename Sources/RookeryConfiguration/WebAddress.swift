import Foundation
import RookeryModel

/// A checked http or https address.
struct WebAddress {
  let text: String
  let host: String
  let port: Int

  enum Failure: Error {
    case problem(String)
  }

  /// Throws `Failure` with the reason when `text` is not an origin with an optional path. A slash at the end is dropped.
  init(_ text: String) throws(Failure) {
    var trimmed = text
    while trimmed.hasSuffix("/") { trimmed.removeLast() }
    guard trimmed.utf8.count <= 2048, let parts = URLComponents(string: trimmed), let scheme = parts.scheme?.lowercased(),
      scheme == "http" || scheme == "https"
    else { throw .problem("is not an http or https address.") }
    guard let host = parts.host, !host.isEmpty else { throw .problem("names no host.") }
    guard parts.user == nil, parts.password == nil else { throw .problem("holds a user or password, which does not belong there.") }
    guard parts.query == nil, parts.fragment == nil else { throw .problem("has a query or fragment.") }
    if let port = parts.port, !(1...65535).contains(port) { throw .problem("has no valid port.") }
    self.text = trimmed
    self.host = host.lowercased()
    port = parts.port ?? (scheme == "https" ? 443 : 80)
  }

  /// Whether the host is this machine itself, by name or number.
  var isLoopback: Bool {
    let bare = host.trimmingCharacters(in: CharacterSet(charactersIn: "[]"))
    return bare == "localhost" || bare == "::1" || (bare.hasPrefix("127.") && bare.split(separator: ".").count == 4)
  }
}

extension YAMLValue {
  /// An http or https address without a slash at its end.
  func webAddress() throws -> WebAddress {
    let text = try line(limit: 2048)
    do { return try WebAddress(text) } catch .problem(let problem) {
      throw failure(problem, mend: "Write it like https://example.org or http://127.0.0.1:8000.")
    }
  }
}
