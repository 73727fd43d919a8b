import Crypto
import Foundation
import HTTPTypes
import RookeryModel

/// The opening handshake of RFC 6455, section 4.2: judges a request, and makes the headers of the 101 that accepts it.
package struct WebSocketHandshake: Sendable {
  private static let upgradeKey = "Sec-WebSocket-Key"
  /// The constant that section 1.3 appends to a key.
  private static let suffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

  private let key: String

  /// Whether the request asks for a WebSocket, well or badly.
  package static func isAsked(by request: HTTPRequest) -> Bool {
    request.headerFields[.upgrade]?.lowercased() == "websocket"
  }

  /// Whether the request asks for the one version that is spoken here.
  package static func speaksVersion(of request: HTTPRequest) -> Bool { value("Sec-WebSocket-Version", in: request.headerFields) == "13" }

  /// The first of `known` that the request offers as a subprotocol; nil: none, and the client decides whether it goes on.
  package static func subprotocol(of request: HTTPRequest, among known: [String]) -> String? {
    tokens(value("Sec-WebSocket-Protocol", in: request.headerFields)).first { known.contains($0) }
  }

  /// Throws `badRequest` when the request is no proper handshake.
  package init(_ request: HTTPRequest) throws {
    let fields = request.headerFields
    guard request.method == .get, Self.isAsked(by: request), Self.tokens(fields[.connection]).contains("upgrade") else {
      throw Self.refusal("A WebSocket starts with GET, “Connection: Upgrade” and “Upgrade: websocket”.")
    }
    guard Self.value("Sec-WebSocket-Version", in: fields) == "13" else {
      throw Self.refusal("Only version 13 of the WebSocket protocol is spoken here.")
    }
    guard let key = Self.value(Self.upgradeKey, in: fields), Data(base64Encoded: key)?.count == 16 else {
      throw Self.refusal("“Sec-WebSocket-Key” must be 16 bytes in base64.")
    }
    self.key = key
  }

  /// The headers of the answer with status 101.
  package var answer: HTTPFields {
    var fields: HTTPFields = [.connection: "Upgrade", .upgrade: "websocket"]
    if let name = HTTPField.Name("Sec-WebSocket-Accept") { fields[name] = accept }
    return fields
  }

  private var accept: String { Data(Insecure.SHA1.hash(data: Data((key + Self.suffix).utf8))).base64EncodedString() }

  private static func value(_ name: String, in fields: HTTPFields) -> String? {
    HTTPField.Name(name).flatMap { fields[$0] }
  }

  private static func tokens(_ value: String?) -> [String] {
    (value ?? "").lowercased().split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
  }

  private static func refusal(_ cause: String) -> RookeryError {
    RookeryError(.badRequest, cause, mend: "Use a WebSocket client, version 13.")
  }
}
