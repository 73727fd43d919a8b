import Foundation
import FoundationNetworking
import RookeryModel
import RookeryTestSupport

/// The least that is an agent: asks the model, runs what it says with a real shell, and tells it the outcome.
struct SmallAgent {
  var port: Int
  var directory: String
  var stream = false
  var messages: [JSONValue] = [["role": "system", "content": "You are an agent."]]
  var tools: JSONValue = [
    [
      "type": "function",
      "function": ["name": "bash", "parameters": ["properties": ["command": ["type": "string"]], "required": ["command"]]],
    ]
  ]
  /// What the agent makes of a tool's result before it goes to the model.
  var report: @Sendable (String) -> String = { $0 }

  struct Refused: Error { var status: Int, message: String }

  /// One turn; returns the last words.
  mutating func turn(_ prompt: String, most: Int = 20) async throws -> String {
    messages.append(["role": "user", "content": [["type": "text", "text": .string(prompt)]]])
    for _ in 0..<most {
      let answer = try await ask()
      messages.append(answer)
      guard let call = answer["tool_calls"]?.array?.first else { return answer["content"]?.string ?? "" }
      let arguments = try JSON.decode(JSONValue.self, from: Data((call["function"]?["arguments"]?.string ?? "").utf8))
      let result = try await Command.run(["sh", "-c", arguments["command"]?.string ?? "false"], in: directory)
      messages.append(["role": "tool", "tool_call_id": call["id"] ?? .null, "content": .string(report(result.output + result.errorOutput))])
    }
    throw Refused(status: 0, message: "the turn does not end")
  }

  private func ask() async throws -> JSONValue {
    var body: [String: JSONValue] = ["model": "m", "messages": .array(messages), "tools": tools, "stream": .bool(stream)]
    if stream { body["stream_options"] = ["include_usage": true] }
    let data = try await Self.post(port: port, JSON.encode(JSONValue.object(body)))
    return stream ? try Self.assemble(data) : try JSON.decode(JSONValue.self, from: data)["choices"]?.array?.first?["message"] ?? .null
  }

  static func post(port: Int, _ body: Data) async throws -> Data {
    guard let url = URL(string: "http://127.0.0.1:\(port)/v1/chat/completions") else { throw URLError(.badURL) }
    var request = URLRequest(url: url, timeoutInterval: 60)
    request.httpMethod = "POST"
    request.httpBody = body
    request.setValue("application/json", forHTTPHeaderField: "Content-Type")
    request.setValue("Bearer secret", forHTTPHeaderField: "Authorization")
    let (data, response) = try await URLSession.shared.data(for: request)
    let status = (response as? HTTPURLResponse)?.statusCode ?? 0
    guard status == 200 else {
      let error = try? JSON.decode(JSONValue.self, from: data)
      throw Refused(status: status, message: error?["error"]?["message"]?.string ?? "")
    }
    return data
  }

  /// Joins a stream's pieces as a client does.
  private static func assemble(_ data: Data) throws -> JSONValue {
    var text = "", arguments = "", id: JSONValue = .null, name: JSONValue = .null, reason: JSONValue = .null, usage = false, done = false
    for line in String(decoding: data, as: UTF8.self).split(separator: "\n") where line.hasPrefix("data: ") {
      let payload = line.dropFirst(6)
      if payload == "[DONE]" {
        done = true
        continue
      }
      let chunk = try JSON.decode(JSONValue.self, from: Data(payload.utf8))
      if chunk["usage"]?["total_tokens"]?.integer != nil { usage = true }
      guard let choice = chunk["choices"]?.array?.first else { continue }
      text += choice["delta"]?["content"]?.string ?? ""
      if let call = choice["delta"]?["tool_calls"]?.array?.first {
        id = call["id"] ?? id
        name = call["function"]?["name"] ?? name
        arguments += call["function"]?["arguments"]?.string ?? ""
      }
      if let given = choice["finish_reason"], given != .null { reason = given }
    }
    guard done, usage else { throw Refused(status: 0, message: "the stream is incomplete") }
    guard id != .null else {
      guard reason == "stop" else { throw Refused(status: 0, message: "finish_reason \(reason)") }
      return ["role": "assistant", "content": .string(text)]
    }
    guard reason == "tool_calls" else { throw Refused(status: 0, message: "finish_reason \(reason)") }
    return [
      "role": "assistant", "content": .string(text),
      "tool_calls": [["id": id, "type": "function", "function": ["name": name, "arguments": .string(arguments)]]],
    ]
  }
}
