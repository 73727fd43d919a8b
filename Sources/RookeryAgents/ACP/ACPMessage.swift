import Foundation
import RookeryModel

/// One line of JSON-RPC, as leniently as real agents need it.
enum ACPMessage: Equatable {
  case blank
  /// Not a message: something printed on stdout.
  case noise(String)
  /// JSON beyond the bounds of `JSONReader`.
  case tooComplex
  case response(id: Int, result: Result<JSONValue, ACPRemoteError>)
  case request(id: JSONValue, method: String, parameters: JSONValue)
  case notification(method: String, parameters: JSONValue)

  init(line: [UInt8]) {
    if line.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0d }) {
      self = .blank
      return
    }
    do throws(JSONReader.Failure) {
      let value = try JSONReader.value(of: line)
      self = ACPMessage(value) ?? .noise(String(decoding: line, as: UTF8.self))
    } catch {
      switch error {
      case .tooComplex: self = .tooComplex
      case .malformed: self = .noise(String(decoding: line, as: UTF8.self))
      }
    }
  }

  /// Nil when `value` is no message. A missing `jsonrpc` member is not held against it.
  private init?(_ value: JSONValue) {
    guard case .object(let members) = value else { return nil }
    if let method = members["method"]?.string {
      let parameters = members["params"] ?? .null
      switch members["id"] {
      case nil, .null: self = .notification(method: method, parameters: parameters)
      case .integer, .number, .string: self = .request(id: members["id"] ?? .null, method: method, parameters: parameters)
      default: return nil
      }
      return
    }
    guard let id = members["id"] else {
      // An error about a request that the agent could not read has no id: nobody awaits it.
      if members["jsonrpc"] != nil { self = .notification(method: "", parameters: .null) } else { return nil }
      return
    }
    // Ids of ours are integers; one that is not ours (null, an unknown text) is awaited by nobody.
    let number = id.integer ?? id.string.flatMap { Int64($0) }
    guard members["jsonrpc"] != nil || members["result"] != nil || members["error"] != nil else { return nil }
    if let error = members["error"], error != .null {
      self = .response(id: Int(number ?? -1), result: .failure(ACPRemoteError(error)))
    } else {
      self = .response(id: Int(number ?? -1), result: .success(members["result"] ?? .null))
    }
  }

  static func request(id: Int, _ method: String, _ parameters: JSONValue) -> [UInt8] {
    bytes(["jsonrpc": "2.0", "id": .integer(Int64(id)), "method": .string(method), "params": parameters])
  }

  static func notification(_ method: String, _ parameters: JSONValue) -> [UInt8] {
    bytes(["jsonrpc": "2.0", "method": .string(method), "params": parameters])
  }

  static func answer(id: JSONValue, result: JSONValue) -> [UInt8] {
    bytes(["jsonrpc": "2.0", "id": id, "result": result])
  }

  static func refusal(id: JSONValue, code: Int64, _ message: String) -> [UInt8] {
    bytes(["jsonrpc": "2.0", "id": id, "error": ["code": .integer(code), "message": .string(message)]])
  }

  private static func bytes(_ message: JSONValue) -> [UInt8] {
    do {
      return [UInt8](try JSON.encode(message))
    } catch {
      // Only a number that is not finite can't be encoded, and `JSONReader` yields none.
      preconditionFailure("a JSON-RPC message that is not JSON: \(error)")
    }
  }
}

/// An agent's answer that is an error.
struct ACPRemoteError: Error, Equatable {
  static let loginRequired: Int64 = -32000
  static let cancelled: Int64 = -32800

  var code: Int64
  /// Its message, with the detail that many agents put into `data`.
  var summary: String

  init(_ value: JSONValue) {
    code = value["code"]?.integer ?? 0
    let message = value["message"]?.string ?? value.string ?? "an error without a message"
    let data = value["data"]
    let detail = data?.string ?? data?["details"]?.string ?? data?["message"]?.string ?? data?["error"]?.string
    let full = if let detail, !detail.isEmpty, !message.contains(detail) { "\(message): \(detail)" } else { message }
    summary = EventBounds.cut(full, to: EventBounds.note)
  }
}
