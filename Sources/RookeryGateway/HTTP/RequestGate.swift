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

  static let pathLimit = 1024
  static let queryLimit = 2048

  static func check(_ head: HTTPRequestHead, sandbox: SandboxID, body: BodyRelay) throws(Refusal) -> BrokerRequest {
    guard head.version == .http1_1 else { throw Refusal(status: .httpVersionNotSupported, text: "Use HTTP/1.1.") }
    guard head.method == .GET || head.method == .POST else { throw Refusal(status: .methodNotAllowed, text: "Use GET or POST.") }
    guard head.headers["host"].count == 1 else { throw refusal("There must be one Host header.") }
    guard head.headers["upgrade"].isEmpty else { throw refusal("Upgrades are not offered.") }
    let expectations = head.headers["expect"]
    guard expectations.isEmpty || expectations.map({ $0.lowercased() }) == ["100-continue"] else {
      throw Refusal(status: .expectationFailed, text: "Only 100-continue may be expected.")
    }
    let length = try length(of: head)
    let (path, query) = try target(head.uri)
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
    guard head.method == .POST || (codings.isEmpty && (length ?? 0) == 0) else { throw refusal("GET has no body.") }
    return length
  }

  private static func target(_ uri: String) throws(Refusal) -> (path: String, query: String?) {
    let parts = uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    let path = String(parts.first ?? "")
    let query = parts.count == 2 ? String(parts[1]) : nil
    guard path.utf8.count <= pathLimit, (query ?? "").utf8.count <= queryLimit else {
      throw Refusal(status: .uriTooLong, text: "The path or the query is too long.")
    }
    let segments = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
    guard path.hasPrefix("/"), path.utf8.allSatisfy(isPathByte), segments.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." }) else {
      throw refusal("The path is not a plain one.")
    }
    guard (query ?? "").utf8.allSatisfy(isQueryByte) else { throw refusal("The query is not a plain one.") }
    return (path, query)
  }

  private static func isPathByte(_ byte: UInt8) -> Bool {
    (0x61...0x7a).contains(byte) || (0x41...0x5a).contains(byte) || (0x30...0x39).contains(byte) || "/-._~".utf8.contains(byte)
  }

  private static func isQueryByte(_ byte: UInt8) -> Bool { isPathByte(byte) || "=&%+,:@!*".utf8.contains(byte) }

  private static func refusal(_ text: String) -> Refusal { Refusal(status: .badRequest, text: text) }
}
