import Foundation
import RookeryModel

/// An answer in the wire forms of OpenAI's chat completions.
struct ChatAnswer {
  let reply: RehearsalPlayer.Reply
  let model: String
  let id: String
  /// Seconds since 1970.
  let created: Int64
  /// Tokens, roughly: a rehearsal has no tokeniser.
  let promptTokens: Int64

  private var finishReason: JSONValue { reply.call == nil ? "stop" : "tool_calls" }

  private var usage: JSONValue {
    let completion = Int64((reply.text.utf8.count + (reply.call?.arguments.utf8.count ?? 0)) / 4 + 1)
    return [
      "prompt_tokens": .integer(promptTokens), "completion_tokens": .integer(completion),
      "total_tokens": .integer(promptTokens + completion),
    ]
  }

  /// The whole answer at once.
  var completion: JSONValue {
    var message: [String: JSONValue] = ["role": "assistant", "content": reply.text.isEmpty ? .null : .string(reply.text)]
    if let call = reply.call {
      message["tool_calls"] = [
        ["id": .string(call.id), "type": "function", "function": ["name": .string(call.name), "arguments": .string(call.arguments)]]
      ]
    }
    return envelope(
      "chat.completion",
      ["choices": [["index": 0, "message": .object(message), "finish_reason": finishReason]], "usage": usage])
  }

  /// The same in small pieces, as a stream's `data` values.
  func chunks(usage includesUsage: Bool) -> [JSONValue] {
    var chunks = [chunk(["role": "assistant", "content": ""])]
    chunks += Self.pieces(reply.text, of: 16).map { chunk(["content": .string($0)]) }
    if let call = reply.call {
      let start: JSONValue = [
        "index": 0, "id": .string(call.id), "type": "function", "function": ["name": .string(call.name), "arguments": ""],
      ]
      chunks.append(chunk(["tool_calls": [start]]))
      chunks += Self.pieces(call.arguments, of: 32).map { piece in
        chunk(["tool_calls": [["index": 0, "function": ["arguments": .string(piece)]]]])
      }
    }
    chunks.append(chunk(.object([:]), finished: true))
    if includesUsage { chunks.append(envelope("chat.completion.chunk", ["choices": [], "usage": usage])) }
    return chunks
  }

  private func chunk(_ delta: JSONValue, finished: Bool = false) -> JSONValue {
    envelope(
      "chat.completion.chunk",
      ["choices": [["index": 0, "delta": delta, "finish_reason": finished ? finishReason : .null]]])
  }

  private func envelope(_ object: String, _ members: [String: JSONValue]) -> JSONValue {
    let common: [String: JSONValue] = [
      "id": .string(id), "object": .string(object), "created": .integer(created), "model": .string(model),
    ]
    return .object(common.merging(members) { $1 })
  }

  private static func pieces(_ text: String, of count: Int) -> [String] {
    var pieces: [String] = []
    var rest = Substring(text)
    while !rest.isEmpty {
      pieces.append(String(rest.prefix(count)))
      rest = rest.dropFirst(count)
    }
    return pieces
  }
}
