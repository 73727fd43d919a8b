import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import RookeryModel
import RookeryTestSupport
import Synchronization

/// An OpenAI- and Anthropic-compatible server that plays given answers, and notes every request that the real ones would refuse.
final class StrictModelServer: Sendable {
  /// What one request is answered with.
  enum Answer: Sendable {
    /// `choices[0].message.content`, or the text of Anthropic's answer.
    case content(String, finish: String = "stop")
    case refusal
    /// Anthropic's tool input.
    case tool(JSONValue)
    case status(Int, code: String? = nil, headers: [String: String] = [:])
    case raw(String)
    /// Never.
    case silence
  }

  private struct State: Sendable {
    var answers: [Answer]
    var violations: [String] = []
    var forms: [String] = []
    var prompts: [String] = []
  }
  private let state: Mutex<State>
  let key: String

  init(_ answers: [Answer], key: String = "sk-test") {
    state = Mutex(State(answers: answers))
    self.key = key
  }

  /// `schema`, `object`, `text` or `tool`, one a request.
  var forms: [String] { state.withLock { $0.forms } }
  var violations: [String] { state.withLock { $0.violations } }
  var prompts: [String] { state.withLock { $0.prompts } }

  func start() async throws -> LoopbackService {
    try await LoopbackService.start { [self] request, _ in
      let body = try await request.body.collect(upTo: 1 << 20)
      return try await respond(request, (try? JSON.decode(JSONValue.self, from: Data(body.readableBytesView))) ?? .null)
    }
  }

  private func respond(_ request: Request, _ body: JSONValue) async throws -> Response {
    let isAnthropic = request.uri.path == "/v1/messages"
    isAnthropic ? checkAnthropic(request, body) : checkOpenAI(request, body)
    let answer = state.withLock { $0.answers.isEmpty ? .status(500) : $0.answers.removeFirst() }
    switch answer {
    case .silence:
      try await Task.sleep(for: .seconds(600))
      return Response(status: .internalServerError)
    case .raw(let text): return Self.json(200, text)
    case .status(let status, let code, let headers):
      let error: JSONValue = ["error": ["message": "no", "type": "error", "code": code.map { .string($0) } ?? nil]]
      var response = Self.json(status, String(decoding: try JSON.encode(error), as: UTF8.self))
      for (name, value) in headers { if let name = HTTPField.Name(name) { response.headers[name] = value } }
      return response
    case .content(let text, let finish):
      let value: JSONValue =
        isAnthropic
        ? ["type": "message", "stop_reason": .string(finish), "content": [["type": "text", "text": .string(text)]]]
        : ["choices": [["index": 0, "finish_reason": .string(finish), "message": ["role": "assistant", "content": .string(text)]]]]
      return Self.json(200, String(decoding: try JSON.encode(value), as: UTF8.self))
    case .refusal:
      let value: JSONValue = [
        "choices": [["finish_reason": "stop", "message": ["role": "assistant", "content": nil, "refusal": "I can't help."]]]
      ]
      return Self.json(200, String(decoding: try JSON.encode(value), as: UTF8.self))
    case .tool(let input):
      let value: JSONValue = ["stop_reason": "tool_use", "content": [["type": "tool_use", "id": "t", "name": "choose", "input": input]]]
      return Self.json(200, String(decoding: try JSON.encode(value), as: UTF8.self))
    }
  }

  private static func json(_ status: Int, _ text: String) -> Response {
    Response(
      status: .init(code: status), headers: [.contentType: "application/json"], body: .init(byteBuffer: ByteBuffer(string: text)))
  }

  private func note(_ text: String) { state.withLock { $0.violations.append(text) } }

  private func checkOpenAI(_ request: Request, _ body: JSONValue) {
    if request.uri.path != "/v1/chat/completions" || request.method != .post { note("\(request.method) \(request.uri.path)") }
    if request.headers[.authorization] != (key.isEmpty ? nil : "Bearer \(key)") { note("authorization") }
    guard case .object(let members) = body else { return note("no object") }
    for name in members.keys where !["model", "messages", "response_format"].contains(name) { note("the member \(name)") }
    if members["model"]?.string?.isEmpty ?? true { note("no model") }
    let messages = members["messages"]?.array ?? []
    if messages.map({ $0["role"]?.string }) != ["system", "user"] { note("messages") }
    state.withLock { $0.prompts.append(messages.last?["content"]?.string ?? "") }
    switch members["response_format"]?["type"]?.string {
    case nil: state.withLock { $0.forms.append("text") }
    case "json_object":
      // OpenAI refuses this form unless the word stands in the conversation.
      if !messages.contains(where: { $0["content"]?.string?.contains("JSON") ?? false }) { note("json_object without the word") }
      state.withLock { $0.forms.append("object") }
    case "json_schema":
      let format = members["response_format"]?["json_schema"]
      if format?["strict"]?.bool != true || format?["name"]?.string?.wholeMatch(of: /[A-Za-z0-9_-]{1,64}/) == nil { note("json_schema") }
      checkStrict(format?["schema"] ?? .null)
      state.withLock { $0.forms.append("schema") }
    default: note("response_format")
    }
  }

  private func checkAnthropic(_ request: Request, _ body: JSONValue) {
    if let name = HTTPField.Name("x-api-key"), request.headers[name] != key { note("x-api-key") }
    if let name = HTTPField.Name("anthropic-version"), request.headers[name] != "2023-06-01" { note("anthropic-version") }
    if body["max_tokens"]?.integer ?? 0 < 1 { note("max_tokens") }
    if body["messages"]?.array?.map({ $0["role"]?.string }) != ["user"] { note("messages") }
    if let tool = body["tools"]?.array?.first {
      checkStrict(tool["input_schema"] ?? .null)
      if body["tool_choice"]?["name"] != tool["name"] { note("tool_choice") }
      state.withLock { $0.forms.append("tool") }
    } else {
      state.withLock { $0.forms.append("text") }
    }
  }

  /// OpenAI's conditions on a strict schema.
  private func checkStrict(_ schema: JSONValue) {
    guard case .object(let properties) = schema["properties"] ?? .null else { return note("a schema without properties") }
    if schema["additionalProperties"]?.bool != false { note("additionalProperties") }
    if Set(schema["required"]?.array?.compactMap(\.string) ?? []) != Set(properties.keys) { note("required") }
    if properties["repository"]?["enum"]?.array?.contains(.null) != true { note("the enumeration lacks null") }
  }
}
