import RookeryAgents
import RookeryModel
import Testing

@Suite struct ACPPermissionTests {
  struct Case: Sendable {
    var options: String
    var id: JSONValue?
    var allowed: Bool
    init(_ options: String, _ id: JSONValue?, _ allowed: Bool) {
      self.options = options
      self.id = id
      self.allowed = allowed
    }
  }

  @Test(arguments: [
    Case(#"[{"optionId":"always","name":"A","kind":"allow_always"},{"optionId":"once","name":"B","kind":"allow_once"}]"#, "once", true),
    Case(#"[{"optionId":"x","name":"A","kind":"allow_once"},{"optionId":"y","name":"B","kind":"allow_once"}]"#, "x", true),
    Case(#"[{"optionId":"no","name":"N","kind":"reject_once"},{"optionId":"always","name":"A","kind":"allow_always"}]"#, "always", true),
    Case(#"[{"optionId":"never","name":"N","kind":"reject_always"},{"optionId":"no","name":"N","kind":"reject_once"}]"#, "no", false),
    Case(#"[{"optionId":"approved","name":"Yes"},{"optionId":"denied","name":"No"}]"#, "approved", true),
    Case(#"[{"optionId":"allow-once"}]"#, "allow-once", true),
    Case(#"[{"optionId":3,"kind":"allow_once"}]"#, 3, true), Case("[]", nil, false), Case("null", nil, false),
    Case(#"[{"optionId":"mystery","name":"?"}]"#, nil, false),
  ])
  func answersByPolicy(test: Case) {
    var conversation = ACPConversation.prompting()
    _ = conversation.update(#"{"sessionUpdate":"tool_call","toolCallId":"t","title":"run"}"#)
    let actions = conversation.receive(
      #"{"jsonrpc":"2.0","id":"ask-1","method":"session/request_permission","params":{"sessionId":"s1","toolCall":{"toolCallId":"t"},"options":\#(test.options)}}"#
    )
    let answer = actions.compactMap(\.sent).first
    #expect(answer?["id"] == "ask-1")
    if let id = test.id {
      #expect(answer?["result"] == ["outcome": ["outcome": "selected", "optionId": id]])
    } else {
      #expect(answer?["result"] == ["outcome": ["outcome": "cancelled"]])
    }
    guard case .permissionAnswered(let answered) = actions.events.last else {
      Issue.record("nothing about the answer in \(actions)")
      return
    }
    #expect(answered.tool == "run")
    #expect(answered.allowed == test.allowed)
  }

  @Test func announcesAToolOfWhichOnlyThePermissionTells() {
    var conversation = ACPConversation.prompting()
    let actions = conversation.receive(
      #"{"id":7,"method":"session/request_permission","params":{"toolCall":{"toolCallId":"t","title":"rm","kind":"execute","rawInput":{"command":"rm x"}},"options":[{"optionId":"a","name":"Allow","kind":"allow_once"}]}}"#
    )
    #expect(actions.count == 3)
    #expect(
      actions.events == [
        .toolCall(.init(id: "t", title: "rm", kind: "execute", status: "pending", content: [], locations: [], input: ["command": "rm x"])),
        .permissionAnswered(.init(tool: "rm", option: "Allow", allowed: true)),
      ])
  }

  @Test(arguments: [
    "fs/read_text_file", "fs/write_text_file", "terminal/create", "terminal/output", "terminal/kill", "elicitation/create", "_vendor/ask",
    "",
  ])
  func refusesTheRest(method: String) {
    var conversation = ACPConversation.prompting()
    let actions = conversation.receive(#"{"jsonrpc":"2.0","id":41,"method":"\#(method)","params":{"path":"/etc/shadow"}}"#)
    #expect(actions.count == 1)
    #expect(actions.first?.sent?["id"] == 41)
    #expect(actions.first?.sent?["error"]?["code"] == -32601)
    #expect(conversation.client.phase == .prompting)
  }
}
