import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import RookeryModel

/// Reading what a client sends, within bounds.
enum RequestBodyLimit {
  /// Bytes of a request's body.
  static let body = 2 << 20
  /// Bytes of a prompt, in UTF-8.
  static let prompt = 1 << 20
}

extension Request {
  /// The whole body; throws `tooLarge` beyond `limit` bytes.
  func boundedBody(_ limit: Int = RequestBodyLimit.body) async throws -> ByteBuffer {
    let tooLarge = RookeryError(.tooLarge, "The request's body is larger than \(limit >> 20) MiB.", mend: "Send less.")
    if let announced = headers[.contentLength].flatMap({ Int($0) }), announced > limit { throw tooLarge }
    do {
      return try await body.collect(upTo: limit)
    } catch is NIOTooManyBytesError {
      throw tooLarge
    }
  }

  /// The body as JSON; throws `badRequest` with the path of the member that doesn't fit.
  func json<Value: Decodable>(_ type: Value.Type) async throws -> Value {
    if let media = headers[.contentType], !media.lowercased().hasPrefix("application/json") {
      throw RookeryError(
        .badRequest, "The body is “\(media.prefix(80))”, not JSON.", mend: "Send it as “Content-Type: application/json”.")
    }
    let buffer = try await boundedBody()
    do {
      return try JSON.decode(type, from: Data(buffer.readableBytesView))
    } catch let error as DecodingError {
      throw RookeryError(.badRequest, error.explanation, mend: "openapi.yaml describes the body: GET /v1/openapi.yaml.")
    }
  }

  /// The body as an HTML form's fields.
  func form() async throws -> FormFields {
    guard headers[.contentType]?.lowercased().hasPrefix("application/x-www-form-urlencoded") ?? false else {
      throw RookeryError(.badRequest, "The body is not a form.")
    }
    return FormFields(String(buffer: try await boundedBody()))
  }

  /// A whole number from the query; throws `badRequest` when it is not one within `range`.
  func number<Number: FixedWidthInteger>(_ name: String, in range: ClosedRange<Number>, default fallback: Number) throws -> Number {
    guard let text = uri.queryParameters[Substring(name)] else { return fallback }
    guard let number = Number(text), range.contains(number) else {
      throw RookeryError(
        .badRequest, "“\(name)” must be a whole number from \(range.lowerBound) to \(range.upperBound).", mend: "")
    }
    return number
  }

  /// A yes or no from the query: absent, `true` or `false`; throws `badRequest` for anything else.
  func flag(_ name: String) throws -> Bool {
    switch uri.queryParameters[Substring(name)] {
    case nil, "false": return false
    case "true": return true
    default: throw RookeryError(.badRequest, "“\(name)” must be true or false.", mend: "")
    }
  }
}

extension DecodingError {
  /// For the person who wrote the JSON: where, and what was expected.
  var explanation: String {
    func path(_ keys: [any CodingKey]) -> String {
      keys.reduce(into: "") { path, key in
        if let index = key.intValue { path += "[\(index)]" } else { path += (path.isEmpty ? "" : ".") + key.stringValue }
      }
    }
    func place(_ keys: [any CodingKey]) -> String { keys.isEmpty ? "The body" : "“\(path(keys))”" }
    switch self {
    case .keyNotFound(let key, let context):
      return "“\(path(context.codingPath + [key]))” is missing."
    case .valueNotFound(_, let context):
      return "\(place(context.codingPath)) must not be null."
    case .typeMismatch(let type, let context):
      return "\(place(context.codingPath)) must be \(Self.name(of: type))."
    case .dataCorrupted(let context):
      if let error = context.underlyingError as? RookeryError { return "\(place(context.codingPath)): \(error.message)" }
      return context.codingPath.isEmpty ? "The body is not JSON." : "\(place(context.codingPath)) is not valid."
    @unknown default:
      return "The body does not fit."
    }
  }

  private static func name(of type: Any.Type) -> String {
    switch type {
    case is String.Type: "a string"
    case is Int.Type, is Int64.Type: "a whole number"
    case is Double.Type: "a number"
    case is Bool.Type: "true or false"
    case is any Collection.Type: type is [String: Any].Type ? "an object" : "a list"
    default: "of another type"
    }
  }
}
