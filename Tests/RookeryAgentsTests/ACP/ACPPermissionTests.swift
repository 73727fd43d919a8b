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

  // MARK: Policy

  private static let options =
    #"[{"optionId":"y","name":"Yes","kind":"allow_once"},{"optionId":"a","name":"Always","kind":"allow_always"},{"optionId":"n","name":"No","kind":"reject_once"}]"#

  private static func request(_ id: Int, _ command: String, options: String = options) -> String {
    #"{"jsonrpc":"2.0","id":\#(id),"method":"session/request_permission","params":{"toolCall":{"toolCallId":"t\#(id)","title":"Run it","kind":"execute","rawInput":{"command":"\#(command)"}},"options":\#(options)}}"#
  }

  private static func asking(stored: Bool = false) -> ACPConversation {
    let policy = PermissionPolicy(
      rules: [.init(about: "*rm -rf*", answer: .deny), .init(kind: "execute", about: "ls*", answer: .allow)], otherwise: .ask)
    var conversation = ACPConversation(stored: stored, policy: policy)
    _ = conversation.begin()
    _ = conversation.answer(0, #"{"protocolVersion":1}"#)
    _ = conversation.answer(1, #"{"sessionId":"s1"}"#)
    _ = conversation.prompt("do it")
    return conversation
  }

  private func outcome(_ actions: [ACPAction]) -> JSONValue? { actions.compactMap(\.sent).first?["result"]?["outcome"] }

  @Test func theFirstRuleThatFitsDecides() {
    var conversation = Self.asking()
    #expect(outcome(conversation.receive(Self.request(7, "sudo RM -RF /"))) == ["outcome": "selected", "optionId": "n"])
    #expect(outcome(conversation.receive(Self.request(8, "ls -la"))) == ["outcome": "selected", "optionId": "y"])
    #expect(conversation.client.questions.isEmpty)
  }

  @Test(arguments: [false, true]) func aQuestionWaitsForItsAnswer(stored: Bool) {
    var conversation = Self.asking(stored: stored)
    let actions = conversation.receive(Self.request(7, "make"))
    #expect(outcome(actions) == nil)
    guard case .ask(let question)? = actions.last else {
      Issue.record("nothing is asked in \(actions)")
      return
    }
    #expect(question.tool == "Run it")
    #expect(question.about == "make")
    #expect(question.options.map(\.name) == ["Yes", "Always", "No"])
    #expect(conversation.client.questions.map(\.number) == [1])
    let answered = PermissionAnswered(tool: "", option: "", allowed: false, id: "1", source: .participant)
    let answer = conversation.answerPermission(1, option: 1, answered)
    #expect(outcome(answer) == ["outcome": "selected", "optionId": "a"])
    #expect(answer.events == [.permissionAnswered(.init(tool: "Run it", option: "Always", allowed: true, id: "1", source: .participant))])
    #expect(conversation.answerPermission(1, option: 0, answered) == [])
  }

  @Test func wantOfAnAnswerIsTheSafeOne() {
    var conversation = Self.asking()
    _ = conversation.receive(Self.request(7, "make"))
    let answered = PermissionAnswered(tool: "", option: "", allowed: true, id: "1", source: .timeout)
    #expect(outcome(conversation.answerPermission(1, option: nil, answered)) == ["outcome": "selected", "optionId": "n"])
    // Where the agent offers no refusal, its question is cancelled, and an option that is none is no yes.
    _ = conversation.receive(Self.request(8, "make", options: #"[{"optionId":"y","name":"Yes","kind":"allow_once"}]"#))
    #expect(outcome(conversation.answerPermission(2, option: 5, answered)) == ["outcome": "cancelled"])
  }

  @Test func aStopAnswersWhatIsAskedBeforeItCancels() {
    var conversation = Self.asking()
    _ = conversation.receive(Self.request(7, "make"))
    let actions = conversation.cancel()
    #expect(outcome(actions) == ["outcome": "cancelled"])
    #expect(actions.last?.sent?["method"] == "session/cancel")
    #expect(outcome(conversation.receive(Self.request(8, "ls"))) == ["outcome": "cancelled"])
  }

  @Test func theEndOfTheTurnTakesItsQuestionsBack() {
    var conversation = Self.asking()
    _ = conversation.receive(Self.request(7, "make"))
    let actions = conversation.answer(2, #"{"stopReason":"end_turn"}"#)
    #expect(actions.compactMap(\.sent).isEmpty)
    #expect(actions.events.count == 1)
    #expect(conversation.client.questions.isEmpty)
  }

  @Test(arguments: [
    ("*", "", true), ("a*c", "abbbc", true), ("a*c", "abbbd", false), ("?", "x", true), ("?", "", false), ("*.swift", "A/B.SWIFT", true),
    ("git push*", "git push origin", true), ("git push", "git push origin", false),
    ("*a*a*a*a*b", String(repeating: "a", count: 5000), false),
  ])
  func patterns(pattern: String, text: String, fits: Bool) { #expect(TextPattern(pattern).matches(text) == fits) }

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
