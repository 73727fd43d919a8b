import Foundation
import RookeryAgents
import RookeryModel
import Testing

/// Drives a client with lines written down, and reads what it sends as JSON.
struct ACPConversation {
  static let definition: AgentDefinition = {
    guard let name = AgentName(rawValue: "sample") else { preconditionFailure("a valid literal") }
    return AgentDefinition(name: name, title: "Sample", wire: .acp, model: .openai, argv: ["sample"], tested: false)
  }()

  var client: ACPClient
  /// Whether the client is stored and loaded again before each step.
  var stored: Bool

  init(resume: String? = nil, stored: Bool = false, policy: PermissionPolicy? = nil) {
    client = ACPClient(agent: Self.definition, directory: "/workspace/sample", resume: resume, policy: policy)
    self.stored = stored
  }

  private mutating func step(_ body: (inout ACPClient) -> [ACPAction]) -> [ACPAction] {
    if stored {
      do {
        client = try JSON.decode(ACPClient.self, from: JSON.encode(client))
      } catch {
        Issue.record(error)
      }
    }
    return body(&client)
  }

  mutating func begin() -> [ACPAction] { step { $0.begin() } }
  mutating func prompt(_ text: String) -> [ACPAction] { step { $0.prompt(text) } }
  mutating func steer(_ id: PromptID, _ text: String) -> [ACPAction]? {
    var result: [ACPAction]?
    _ = step { client in
      result = client.steer(id, text)
      return []
    }
    return result
  }
  mutating func answerPermission(_ number: Int, option: Int?, _ answered: PermissionAnswered) -> [ACPAction] {
    step { $0.answerPermission(number, option: option, answered: answered) }
  }
  mutating func cancel() -> [ACPAction] { step { $0.cancel() } }
  mutating func receive(_ line: String) -> [ACPAction] { step { $0.receive(line: Array(line.utf8)) } }

  /// An answer to the request that the client sent last.
  mutating func answer(_ id: Int, _ result: String) -> [ACPAction] { receive(#"{"jsonrpc":"2.0","id":\#(id),"result":\#(result)}"#) }
  mutating func refuse(_ id: Int, code: Int, _ message: String) -> [ACPAction] {
    receive(#"{"jsonrpc":"2.0","id":\#(id),"error":{"code":\#(code),"message":"\#(message)"}}"#)
  }
  mutating func update(_ update: String, session: String = "s1") -> [ACPAction] {
    receive(#"{"jsonrpc":"2.0","method":"session/update","params":{"sessionId":"\#(session)","update":\#(update)}}"#)
  }

  /// Opens a new conversation, `s1`; the next request has id 2.
  static func opened(stored: Bool = false) -> ACPConversation {
    var conversation = ACPConversation(stored: stored)
    _ = conversation.begin()
    _ = conversation.answer(0, #"{"protocolVersion":1,"agentCapabilities":{}}"#)
    _ = conversation.answer(1, #"{"sessionId":"s1"}"#)
    return conversation
  }

  /// Opened, with the first prompt sent as request 2.
  static func prompting(stored: Bool = false) -> ACPConversation {
    var conversation = opened(stored: stored)
    _ = conversation.prompt("do it")
    return conversation
  }
}

extension ACPAction {
  /// The message that is to be sent.
  var sent: JSONValue? {
    guard case .send(let line) = self else { return nil }
    return try? JSON.decode(JSONValue.self, from: Data(line))
  }

  var event: EventPayload? { if case .emit(let payload) = self { payload } else { nil } }
  var failure: RookeryError? { if case .failed(let error) = self { error } else { nil } }
  var stopReason: String? { if case .turnEnded(let reason) = self { reason } else { nil } }
}

extension [ACPAction] {
  var events: [EventPayload] { compactMap(\.event) }
  var methods: [String] { compactMap { $0.sent?["method"]?.string } }
  var messages: String {
    events.map { if case .agentMessage(let chunk) = $0 { chunk.text } else { "" } }.joined()
  }
}
