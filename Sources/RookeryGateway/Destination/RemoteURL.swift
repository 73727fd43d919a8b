import RookeryModel

/// Where a broker forwards to: an http(s) URL in a strict reading, which no two parsers can read differently.
struct RemoteURL: Sendable, Hashable {
  enum Scheme: String, Sendable { case http, https }

  let scheme: Scheme
  /// A name in lower case, or an address without brackets.
  let host: String
  let port: Int
  /// Empty, or with a leading and without a trailing slash.
  let path: String

  /// - Throws: `badRequest` for anything but `http(s)://HOST[:PORT][/PATH]`: no credentials, query or fragment, no encoded or
  ///   dot segments, no name with other characters than a–z, 0–9, `-`, `_` and `.`.
  init(_ text: String) throws {
    let refused = RookeryError(
      .badRequest, "“\(Self.withoutUser(text).prefix(200))” is not a URL that the gateway forwards to.",
      mend: "Use http://HOST[:PORT]/PATH or https://HOST[:PORT]/PATH, without credentials.")
    let rest: Substring
    if text.hasPrefix("https://") {
      (scheme, rest) = (.https, text.dropFirst(8))
    } else if text.hasPrefix("http://") {
      (scheme, rest) = (.http, text.dropFirst(7))
    } else {
      throw refused
    }
    guard rest.utf8.count <= 2048 else { throw refused }
    let slash = rest.firstIndex(of: "/") ?? rest.endIndex
    guard let (host, port) = Self.authority(rest[..<slash]) else { throw refused }
    var path = String(rest[slash...])
    while path.hasSuffix("/") { path.removeLast() }
    let segments = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
    guard path.utf8.allSatisfy(Self.isPathByte), path.isEmpty || segments.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." })
    else { throw refused }
    self.host = host
    self.port = port ?? (scheme == .https ? 443 : 80)
    self.path = path
  }

  /// The root of a host.
  init(scheme: Scheme, name: HostName, port: Int) {
    (self.scheme, host, self.port, path) = (scheme, name.text, port, "")
  }

  /// `host:port`, as the operator's list of private hosts spells it.
  var authority: String { "\(bracketedHost):\(port)" }

  /// The URL of `suffix`, which starts with a slash, below this one.
  func url(_ suffix: String) -> String {
    let isDefault = port == (scheme == .https ? 443 : 80)
    return "\(scheme.rawValue)://\(bracketedHost)\(isDefault ? "" : ":\(port)")\(path)\(suffix)"
  }

  private var bracketedHost: String { host.contains(":") ? "[\(host)]" : host }

  private static func authority(_ text: Substring) -> (host: String, port: Int?)? {
    var host = text
    var port: Int?
    if text.hasPrefix("[") {
      guard let end = text.firstIndex(of: "]"), let address = IPAddress(String(text[text.index(after: text.startIndex)..<end])),
        address.isIPv6
      else { return nil }
      let rest = text[text.index(after: end)...]
      guard rest.isEmpty || rest.hasPrefix(":") else { return nil }
      if !rest.isEmpty {
        guard let number = Self.port(rest.dropFirst()) else { return nil }
        port = number
      }
      return (address.description, port)
    }
    if let colon = text.firstIndex(of: ":") {
      host = text[..<colon]
      guard let number = Self.port(text[text.index(after: colon)...]) else { return nil }
      port = number
    }
    let name = host.lowercased()
    guard (1...253).contains(name.utf8.count), name.utf8.allSatisfy(isNameByte), name.utf8.first != 0x2d,
      name.split(separator: ".", omittingEmptySubsequences: false).allSatisfy({ !$0.isEmpty })
    else { return nil }
    return (name, port)
  }

  private static func port(_ text: Substring) -> Int? {
    guard (1...5).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(text),
      (1...65535).contains(number)
    else { return nil }
    return number
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    (0x61...0x7a).contains(byte) || (0x30...0x39).contains(byte) || byte == 0x2d || byte == 0x2e || byte == 0x5f
  }

  private static func isPathByte(_ byte: UInt8) -> Bool {
    isNameByte(byte) || (0x41...0x5a).contains(byte) || "/~+@:,=".utf8.contains(byte)
  }

  /// The text with what may be credentials cut out, for messages.
  private static func withoutUser(_ text: String) -> String {
    guard let at = text.lastIndex(of: "@") else { return text }
    return "…" + text[at...]
  }
}
