import Foundation
import NIOHTTP1
import RookeryModel

/// The strict reading of a request's head: whatever two servers could read differently is refused before anything else looks at it.
///
/// The parser below refuses the grossest already (bare line feeds, folded headers, conflicting lengths); this does not rely on it.
enum RequestGate {
  struct Refusal: Error, Equatable {
    var status: HTTPResponseStatus
    var text: String
  }

  /// What a request may look like.
  struct Rules: Sendable {
    var methods: [HTTPMethod]
    var pathLimit: Int
    var queryLimit: Int
    /// Whether the path may hold whatever RFC 3986 allows, and empty segments.
    var takesAnyPath: Bool

    /// To the brokers, whose few addresses are plain.
    static let broker = Rules(methods: [.GET, .POST], pathLimit: 1024, queryLimit: 2048, takesAnyPath: false)
    /// To other hosts.
    static let site = Rules(
      methods: [.GET, .HEAD, .POST, .PUT, .PATCH, .DELETE, .OPTIONS], pathLimit: 8192, queryLimit: 8192, takesAnyPath: true)
  }

  static func check(
    _ head: HTTPRequestHead, sandbox: SandboxID, body: BodyRelay, rules: Rules = .broker
  ) throws(Refusal) -> BrokerRequest {
    guard head.version == .http1_1 else { throw Refusal(status: .httpVersionNotSupported, text: "Use HTTP/1.1.") }
    guard rules.methods.contains(head.method) else {
      throw Refusal(status: .methodNotAllowed, text: "Use \(rules.methods.map(\.rawValue).formatted(.list(type: .or, width: .standard))).")
    }
    guard head.headers["host"].count == 1 else { throw refusal("There must be one Host header.") }
    guard head.headers["upgrade"].isEmpty else { throw refusal("Upgrades are not offered.") }
    let expectations = head.headers["expect"]
    guard expectations.isEmpty || expectations.map({ $0.lowercased() }) == ["100-continue"] else {
      throw Refusal(status: .expectationFailed, text: "Only 100-continue may be expected.")
    }
    let length = try length(of: head)
    let (path, query) = try target(head.uri, rules)
    return BrokerRequest(
      sandbox: sandbox, method: head.method, path: path, query: query, headers: head.headers, contentLength: length, body: body)
  }

  /// The announced length; nil when the body is chunked or there is none.
  private static func length(of head: HTTPRequestHead) throws(Refusal) -> Int64? {
    let lengths = head.headers["content-length"]
    let codings = head.headers["transfer-encoding"]
    guard lengths.isEmpty || codings.isEmpty else { throw refusal("Content-Length and Transfer-Encoding exclude each other.") }
    guard codings.isEmpty || codings.map({ $0.lowercased() }) == ["chunked"] else {
      throw Refusal(status: .notImplemented, text: "The only transfer encoding is “chunked”.")
    }
    guard lengths.count <= 1 else { throw refusal("There must be one Content-Length.") }
    var length: Int64?
    if let text = lengths.first {
      guard (1...18).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int64(text) else {
        throw refusal("Content-Length is not a number.")
      }
      length = number
    }
    guard (head.method != .GET && head.method != .HEAD) || (codings.isEmpty && (length ?? 0) == 0) else {
      throw refusal("\(head.method.rawValue) has no body.")
    }
    return length
  }

  private static func target(_ uri: String, _ rules: Rules) throws(Refusal) -> (path: String, query: String?) {
    let parts = uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    let path = String(parts.first ?? "")
    let query = parts.count == 2 ? String(parts[1]) : nil
    guard path.utf8.count <= rules.pathLimit, (query ?? "").utf8.count <= rules.queryLimit else {
      throw Refusal(status: .uriTooLong, text: "The path or the query is too long.")
    }
    if rules.takesAnyPath { return try generalTarget(path, query) }
    let segments = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
    guard path.hasPrefix("/"), path.utf8.allSatisfy(isPathByte), segments.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." }) else {
      throw refusal("The path is not a plain one.")
    }
    guard (query ?? "").utf8.allSatisfy(isQueryByte) else { throw refusal("The query is not a plain one.") }
    return (path, query)
  }

  /// The characters of RFC 3986 in their places, and no dot segments in any spelling: what is decided about is what is asked for.
  private static func generalTarget(_ path: String, _ query: String?) throws(Refusal) -> (path: String, query: String?) {
    let segments = path.lowercased().replacing("%2e", with: ".").split(separator: "/", omittingEmptySubsequences: false)
    guard path.hasPrefix("/"), !path.hasPrefix("//"), path.utf8.allSatisfy({ isPathByte($0) || "%!$&'()*+,;=:@".utf8.contains($0) }),
      hasWholeEscapes(path), !segments.contains(where: { $0 == "." || $0 == ".." })
    else { throw refusal("The path is not a plain one.") }
    guard (query ?? "").utf8.allSatisfy({ isPathByte($0) || "%!$&'()*+,;=:@?[]|".utf8.contains($0) }), hasWholeEscapes(query ?? "") else {
      throw refusal("The query is not a plain one.")
    }
    return (path, query)
  }

  /// Whether every percent sign is followed by two hexadecimal digits that are not those of a control character.
  private static func hasWholeEscapes(_ text: String) -> Bool {
    text.split(separator: "%", omittingEmptySubsequences: false).dropFirst().allSatisfy { part in
      let digits = part.utf8.prefix(2)
      guard digits.count == 2, let value = UInt8(String(part.prefix(2)), radix: 16) else { return false }
      return value >= 0x20 && value != 0x7f && digits.allSatisfy { $0 != 0x2b && $0 != 0x2d }
    }
  }

  private static func isPathByte(_ byte: UInt8) -> Bool {
    (0x61...0x7a).contains(byte) || (0x41...0x5a).contains(byte) || (0x30...0x39).contains(byte) || "/-._~".utf8.contains(byte)
  }

  private static func isQueryByte(_ byte: UInt8) -> Bool { isPathByte(byte) || "=&%+,:@!*".utf8.contains(byte) }

  private static func refusal(_ text: String) -> Refusal { Refusal(status: .badRequest, text: text) }
}
