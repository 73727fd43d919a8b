import RookeryAgents
import RookeryModel
import Testing

@Suite struct ACPOpeningTests {
  @Test func opensANewConversation() {
    var conversation = ACPConversation()
    let begun = conversation.begin()
    #expect(begun.count == 1)
    #expect(begun.first?.sent?["method"] == "initialize")
    #expect(begun.first?.sent?["params"]?["protocolVersion"] == 1)
    #expect(begun.first?.sent?["params"]?["clientCapabilities"]?["terminal"] == false)
    #expect(begun.first?.sent?["params"]?["clientCapabilities"]?["fs"]?["readTextFile"] == false)
    #expect(conversation.client.phase == .initializing)
    #expect(conversation.begin().isEmpty)

    let initialized = conversation.answer(
      0,
      #"{"protocolVersion":1,"agentInfo":{"name":"sample","title":"The Sample","version":"2.1"},"agentCapabilities":{"loadSession":true}}"#)
    #expect(initialized.first?.sent?["method"] == "session/new")
    #expect(initialized.first?.sent?["params"]?["cwd"] == "/workspace/sample")
    #expect(initialized.first?.sent?["params"]?["mcpServers"] == [])
    #expect(conversation.client.phase == .opening)

    let opened = conversation.answer(1, #"{"sessionId":"abc","modes":{"currentModeId":"x"}}"#)
    let started = AgentStarted(agent: ACPConversation.definition.name, title: "The Sample", version: "2.1", conversation: .new)
    #expect(opened == [.emit(.agentStarted(started)), .ready(agentSession: "abc")])
    #expect(conversation.client.phase == .ready)
    #expect(conversation.client.agentSession == "abc")
  }

  @Test func sendsAPromptThatCameEarlyAsSoonAsItCan() {
    var conversation = ACPConversation()
    #expect(conversation.prompt("early").isEmpty)
    _ = conversation.begin()
    #expect(conversation.prompt("second").isEmpty)
    _ = conversation.answer(0, "{}")
    let opened = conversation.answer(1, #"{"sessionId":"s1"}"#)
    #expect(opened.last?.sent?["method"] == "session/prompt")
    #expect(opened.last?.sent?["params"]?["prompt"] == [["type": "text", "text": "early"]])
    #expect(conversation.client.phase == .prompting)
    let ended = conversation.answer(2, #"{"stopReason":"end_turn"}"#)
    #expect(ended.first == .turnEnded(stopReason: "end_turn"))
    #expect(ended.last?.sent?["params"]?["prompt"] == [["type": "text", "text": "second"]])
  }

  @Test func loadsAnEarlierConversationWithoutRepeatingIt() {
    var conversation = ACPConversation(resume: "old")
    _ = conversation.begin()
    let initialized = conversation.answer(0, #"{"protocolVersion":1,"agentCapabilities":{"loadSession":true}}"#)
    #expect(initialized.first?.sent?["method"] == "session/load")
    #expect(initialized.first?.sent?["params"]?["sessionId"] == "old")
    let replay = [
      #"{"sessionUpdate":"user_message_chunk","content":{"type":"text","text":"before"}}"#,
      #"{"sessionUpdate":"agent_message_chunk","content":{"type":"text","text":"before"}}"#,
      #"{"sessionUpdate":"tool_call","toolCallId":"t","title":"x"}"#,
    ]
    for update in replay { #expect(conversation.update(update, session: "old").isEmpty) }
    let loaded = conversation.answer(1, "null")
    #expect(
      loaded == [
        .emit(.agentStarted(.init(agent: ACPConversation.definition.name, title: "Sample", version: nil, conversation: .resumed))),
        .ready(agentSession: "old"),
      ])
    // Some go on replaying after the answer.
    for update in replay { #expect(conversation.update(update, session: "old").isEmpty) }
    _ = conversation.prompt("go on")
    let fresh = conversation.update(
      #"{"sessionUpdate":"agent_message_chunk","content":{"type":"text","text":"new"}}"#, session: "old")
    #expect(fresh == [.emit(.agentMessage(.init(text: "new")))])
  }

  @Test func startsAnewWhenLoadingFails() {
    var conversation = ACPConversation(resume: "old")
    _ = conversation.begin()
    _ = conversation.answer(0, #"{"agentCapabilities":{"loadSession":true}}"#)
    let failed = conversation.refuse(1, code: -32002, "no such session")
    guard case .notice(let notice) = failed.events.first else {
      Issue.record("no notice in \(failed)")
      return
    }
    #expect(notice.level == .warning)
    #expect(notice.text.contains("no such session"))
    #expect(failed.methods == ["session/new"])
    let opened = conversation.answer(2, #"{"sessionId":"fresh"}"#)
    #expect(opened.contains(.ready(agentSession: "fresh")))
  }

  @Test func resumesWhereOnlyThatIsOffered() {
    var conversation = ACPConversation(resume: "old")
    _ = conversation.begin()
    let initialized = conversation.answer(0, #"{"agentCapabilities":{"sessionCapabilities":{"resume":{}}}}"#)
    #expect(initialized.methods == ["session/resume"])
    #expect(conversation.answer(1, "{}").contains(.ready(agentSession: "old")))
  }

  @Test func saysThatAnAgentCannotLoad() {
    var conversation = ACPConversation(resume: "old")
    _ = conversation.begin()
    let initialized = conversation.answer(0, #"{"agentCapabilities":{"loadSession":false}}"#)
    #expect(initialized.events.count == 1)
    #expect(initialized.methods == ["session/new"])
  }

  @Test(arguments: [
    (#"{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":2}}"#, ErrorCode.agentProtocol, "version 2"),
    (#"{"jsonrpc":"2.0","id":0,"error":{"code":-32603,"message":"boom","data":{"details":"no disk"}}}"#, .agentFailed, "no disk"),
    (#"{"jsonrpc":"2.0","id":0,"error":{"code":-32601,"message":"what"}}"#, .agentProtocol, "what"),
    (#"{"jsonrpc":"2.0","id":0,"error":{"code":-32000,"message":"log in"}}"#, .agentFailed, "login"),
    (#"{"jsonrpc":"2.0","id":0,"error":"text"}"#, .agentFailed, "text"),
  ])
  func failsTyped(line: String, code: ErrorCode, text: String) {
    var conversation = ACPConversation()
    _ = conversation.begin()
    let actions = conversation.receive(line)
    #expect(actions.count == 1)
    #expect(actions.first?.failure?.code == code)
    #expect(actions.first?.failure?.message.contains(text) == true)
    #expect(actions.first?.failure?.mend.isEmpty == false)
    #expect(conversation.client.phase == .failed)
    #expect(conversation.receive(line).isEmpty)
    #expect(conversation.prompt("more").first?.failure?.code == code)
    #expect(conversation.cancel().isEmpty)
  }

  @Test func namesTheLoginsThatAnAgentOffers() {
    var conversation = ACPConversation()
    _ = conversation.begin()
    _ = conversation.answer(0, #"{"authMethods":[{"id":"a","name":"Log in with A"},{"id":"b"}]}"#)
    let error = conversation.refuse(1, code: -32000, "Authentication required").first?.failure
    #expect(error?.message.contains("Log in with A, b") == true)
    #expect(error?.mend.contains("ROOKERY_MODEL_KEY") == true)
  }

  @Test(arguments: ["null", "{}", #"{"sessionId":""}"#, #"{"sessionId":7}"#])
  func failsWithoutASessionID(result: String) {
    var conversation = ACPConversation()
    _ = conversation.begin()
    _ = conversation.answer(0, "null")
    #expect(conversation.answer(1, result).first?.failure?.code == .agentProtocol)
  }
}
