import Foundation
import RookeryConfiguration
import RookeryModel

/// How an answer's form is asked for: from what binds a server to what any can do.
enum AnswerForm: Int, Sendable, CaseIterable {
  case schema, object, text

  var next: AnswerForm? { AnswerForm(rawValue: rawValue + 1) }
}

/// Requests and answers of the two dialects.
struct RoutingModelWire: Sendable {
  let wire: Configuration.Model.Wire
  let model: String

  /// Tokens of an answer: models that think need room.
  private static let answerTokens: Int64 = 2000

  var path: String { wire == .openai ? "/v1/chat/completions" : "/v1/messages" }

  func body(_ prompt: RoutingPrompt, form: AnswerForm) -> JSONValue {
    switch wire {
    case .openai: openAI(prompt, form: form)
    case .anthropic: anthropic(prompt, form: form)
    }
  }

  private func openAI(_ prompt: RoutingPrompt, form: AnswerForm) -> JSONValue {
    var body: [String: JSONValue] = [
      "model": .string(model),
      "messages": [
        ["role": "system", "content": .string(form == .schema ? prompt.system : prompt.systemWithSchema)],
        ["role": "user", "content": .string(prompt.user)],
      ],
    ]
    switch form {
    case .schema:
      body["response_format"] = [
        "type": "json_schema",
        "json_schema": ["name": "repository_choice", "strict": true, "schema": RoutingPrompt.schema(prompt.names)],
      ]
    case .object: body["response_format"] = ["type": "json_object"]
    case .text: break
    }
    return .object(body)
  }

  /// The answer is forced into a tool's input; a server that knows no tools is asked for text.
  private func anthropic(_ prompt: RoutingPrompt, form: AnswerForm) -> JSONValue {
    var body: [String: JSONValue] = [
      "model": .string(model), "max_tokens": .integer(Self.answerTokens),
      "system": .string(form == .schema ? prompt.system : prompt.systemWithSchema),
      "messages": [["role": "user", "content": .string(prompt.user)]],
    ]
    if form == .schema {
      body["tools"] = [
        ["name": "choose", "description": "Give the decision.", "input_schema": RoutingPrompt.schema(prompt.names)]
      ]
      body["tool_choice"] = ["type": "tool", "name": "choose"]
    }
    return .object(body)
  }

  /// The text of a complete answer. Throws `RoutingModelFailure`.
  func text(of answer: JSONValue) throws -> String {
    switch wire {
    case .openai:
      guard let choice = answer["choices"]?.array?.first, let message = choice["message"] else { throw RoutingModelFailure.unreadable }
      if let refusal = message["refusal"]?.string, !refusal.isEmpty { throw RoutingModelFailure.refused }
      switch choice["finish_reason"]?.string {
      case "content_filter": throw RoutingModelFailure.refused
      case "length": throw RoutingModelFailure.cutShort
      default: break
      }
      if let text = message["content"]?.string { return text }
      // Some servers answer in the parts that requests may have.
      let parts = message["content"]?.array?.compactMap { $0["text"]?.string } ?? []
      guard !parts.isEmpty else { throw RoutingModelFailure.unreadable }
      return parts.joined()
    case .anthropic:
      switch answer["stop_reason"]?.string {
      case "refusal": throw RoutingModelFailure.refused
      case "max_tokens": throw RoutingModelFailure.cutShort
      default: break
      }
      let blocks = answer["content"]?.array ?? []
      if let input = blocks.first(where: { $0["type"]?.string == "tool_use" })?["input"] {
        return String(decoding: try JSON.encode(input), as: UTF8.self)
      }
      let text = blocks.compactMap { $0["text"]?.string }.joined()
      guard !text.isEmpty else { throw RoutingModelFailure.unreadable }
      return text
    }
  }
}

/// Why a model gave no choice.
enum RoutingModelFailure: Error, Equatable {
  case refused
  case cutShort
  /// Not what the API answers.
  case unreadable
  /// A name that was not offered.
  case outsider
  case tooSlow
  case unreachable
  case status(Int, code: String?)

  /// For people; without anything that the server wrote.
  var text: String {
    switch self {
    case .refused: "the model refused to answer"
    case .cutShort: "the model's answer was cut short"
    case .unreadable: "the model's answer is not understood"
    case .outsider: "the model named a repository that was not offered"
    case .tooSlow: "the model did not answer in time"
    case .unreachable: "the model can't be reached"
    case .status(401, _), .status(403, _): "the model API does not accept the key"
    case .status(_, "insufficient_quota"): "the model account's quota is used up"
    case .status(429, _): "the model API limits the rate of requests"
    case .status(let status, _): "the model API answered \(status)"
    }
  }
}
