import Foundation
import RookeryModel

/// One message of an MCP client (version 2025-06-18 and the two before), and its answers. Pure: what a tool does is elsewhere.
struct ToolMessage: Sendable {
  enum Meaning: Sendable {
    /// This is the whole answer; nil: none is due.
    case answered(String?)
    case call(name: String, arguments: JSONValue)
  }

  private static let versions = ["2025-06-18", "2025-03-26", "2024-11-05"]

  private var id: JSONValue = .null

  /// Reads a message and answers what needs no session.
  mutating func read(_ text: String) -> Meaning {
    guard let message = try? JSON.decode(JSONValue.self, from: Data(text.utf8)), case .object = message else {
      return .answered(failure(-32700, "This is no JSON object."))
    }
    guard let method = message["method"]?.string else { return .answered(nil) }
    guard let id = message["id"], id != .null else { return .answered(nil) }
    self.id = id
    switch method {
    case "initialize":
      let asked = message["params"]?["protocolVersion"]?.string ?? ""
      return .answered(
        result([
          "protocolVersion": .string(Self.versions.contains(asked) ? asked : Self.versions[0]), "capabilities": ["tools": [:]],
          "serverInfo": ["name": "rookery", "version": "1"],
        ]))
    case "ping": return .answered(result([:]))
    case "tools/list": return .answered(result(["tools": .array(SessionTool.allCases.map(\.description))]))
    case "tools/call":
      return .call(name: message["params"]?["name"]?.string ?? "", arguments: message["params"]?["arguments"] ?? [:])
    default: return .answered(failure(-32601, "There is no method “\(method.prefix(80))”."))
    }
  }

  /// The answer to a call that went well.
  func answer(_ value: JSONValue) -> String {
    let text = (try? JSON.encode(value)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    return result(["content": [["type": "text", "text": .string(text)]], "structuredContent": value, "isError": false])
  }

  /// The answer to one that failed, for the model to read.
  func answer(_ error: RookeryError) -> String {
    result(["content": [["type": "text", "text": .string(error.description)]], "isError": true])
  }

  private func result(_ value: JSONValue) -> String { encode(["jsonrpc": "2.0", "id": id, "result": value]) }

  private func failure(_ code: Int64, _ text: String) -> String {
    encode(["jsonrpc": "2.0", "id": id, "error": ["code": .integer(code), "message": .string(text)]])
  }

  private func encode(_ value: JSONValue) -> String { (try? JSON.encode(value)).map { String(decoding: $0, as: UTF8.self) } ?? "{}" }
}

/// What agents are given to work with other sessions.
enum SessionTool: String, CaseIterable, Sendable {
  case start = "start_session"
  case status = "session_status"
  case wait
  case prompt = "send_prompt"

  var description: JSONValue {
    func schema(_ properties: JSONValue, _ required: [JSONValue]) -> JSONValue {
      ["type": "object", "properties": properties, "required": .array(required), "additionalProperties": false]
    }
    let session: JSONValue = ["type": "string", "description": "The session's id, as start_session gave it."]
    return switch self {
    case .start:
      [
        "name": .string(rawValue),
        "description":
          "Starts another coding session, with a sandbox and a branch of its own, that works on a prompt beside this one. Returns its id at once.",
        "inputSchema": schema(
          [
            "prompt": ["type": "string", "description": "What it should do. It sees nothing of this conversation."],
            "repository": ["type": "string", "description": "The repository to work on; this session's own when left out."],
            "agent": ["type": "string", "description": "The agent; the usual one when left out."],
          ], ["prompt"]),
      ]
    case .status:
      [
        "name": .string(rawValue), "description": "What a session that was started here does now, and what it last said.",
        "inputSchema": schema(["session": session], ["session"]),
      ]
    case .wait:
      [
        "name": .string(rawValue),
        "description":
          "Waits until a session that was started here has nothing to do any more, or the time is over; then as session_status.",
        "inputSchema": schema(
          ["session": session, "seconds": ["type": "integer", "minimum": 0, "maximum": 30]], ["session"]),
      ]
    case .prompt:
      [
        "name": .string(rawValue), "description": "Sends a session that was started here another prompt.",
        "inputSchema": schema(["session": session, "prompt": ["type": "string"]], ["session", "prompt"]),
      ]
    }
  }
}
