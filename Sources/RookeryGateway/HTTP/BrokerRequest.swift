import NIOHTTP1
import RookeryModel

/// A request of a sandbox that passed `RequestGate`.
struct BrokerRequest: Sendable {
  var sandbox: SandboxID
  var method: HTTPMethod
  /// Starts with a slash; no encoded characters, no dot or empty segments.
  var path: String
  /// Without the question mark.
  var query: String?
  var headers: HTTPHeaders
  /// As announced; nil: chunked, or no body.
  var contentLength: Int64?
  var body: BodyRelay
}

/// What answers behind one kind of listener.
protocol BrokerResponder: Sendable {
  /// Answers through `writer`. Throwing cuts the connection when the answer has begun; else it becomes an answer of the wire's own.
  func respond(to request: BrokerRequest, writer: AnswerWriter) async throws
  /// The answer for a failure before any other was begun.
  func failure(_ error: RookeryError, for request: BrokerRequest) -> BrokerAnswer
}

/// A whole answer.
struct BrokerAnswer: Sendable, Equatable {
  var status: HTTPResponseStatus
  var type: String
  var body: [UInt8]
  var headers: [String: String] = [:]

  init(status: HTTPResponseStatus, type: String, body: [UInt8], headers: [String: String] = [:]) {
    self.status = status
    self.type = type
    self.body = body
    self.headers = headers
  }

  static func text(_ status: HTTPResponseStatus, _ text: String) -> BrokerAnswer {
    BrokerAnswer(status: status, type: "text/plain; charset=utf-8", body: Array("\(text)\n".utf8))
  }
}

extension String {
  /// With control characters, which a terminal might obey, replaced.
  var printable: String {
    String(String.UnicodeScalarView(unicodeScalars.map { $0.properties.generalCategory == .control ? "\u{fffd}" : $0 }))
  }
}
