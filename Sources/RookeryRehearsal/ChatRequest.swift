import RookeryModel

/// What matters of a chat completion request.
struct ChatRequest: Equatable {
  enum Message: Equatable {
    case instructions
    case user(String)
    /// An answer of ours, as the agent remembers it.
    case assistant(String, calls: [Call])
    case tool(String, call: String)
  }

  struct Call: Equatable {
    var id: String
    var name: String
    /// JSON text, in the end; an agent may have reformatted it.
    var arguments: String
  }

  var model: String
  var messages: [Message]
  var tools: OfferedTools
  var stream: Bool
  /// Whether the last piece of a stream is to tell the usage.
  var usage: Bool

  /// Throws when it is no chat completion request.
  init(_ value: JSONValue) throws(RehearsalFailure) {
    guard let messages = value["messages"]?.array else { throw RehearsalFailure("The request has no messages.") }
    model = value["model"]?.string ?? ""
    self.messages = messages.compactMap { Self.message($0) }
    tools = OfferedTools(value["tools"]?.array ?? [])
    stream = value["stream"]?.bool ?? false
    usage = value["stream_options"]?["include_usage"]?.bool ?? false
  }

  private static func message(_ value: JSONValue) -> Message? {
    let text = text(value["content"])
    switch value["role"]?.string {
    case "system", "developer": return .instructions
    case "user": return .user(text)
    case "assistant":
      let calls = (value["tool_calls"]?.array ?? []).map { call in
        Call(
          id: call["id"]?.string ?? "", name: call["function"]?["name"]?.string ?? "",
          arguments: call["function"]?["arguments"]?.string ?? "")
      }
      return .assistant(text, calls: calls)
    case "tool": return .tool(text, call: value["tool_call_id"]?.string ?? "")
    default: return nil
    }
  }

  private static func text(_ content: JSONValue?) -> String {
    switch content {
    case .string(let text): text
    case .array(let parts): parts.compactMap { $0["text"]?.string }.joined(separator: "\n")
    default: ""
    }
  }
}

/// Why a rehearsal can't go on; becomes an HTTP 400, so that the agent's turn fails visibly.
struct RehearsalFailure: Error, Equatable {
  var message: String
  init(_ message: String) { self.message = message }
}
