import RookeryAgents
import RookeryModel
import Testing

@Suite struct ACPTurnTests {
  @Test(arguments: [
    (#"{"stopReason":"end_turn"}"#, "end_turn"), (#"{"stopReason":"max_tokens"}"#, "max_tokens"),
    (#"{"stopReason":"max_turn_requests"}"#, "max_turn_requests"), (#"{"stopReason":"refusal"}"#, "refusal"),
    (#"{"stopReason":"something_new"}"#, "something_new"), ("null", "end_turn"), ("{}", "end_turn"), (#""odd""#, "end_turn"),
  ])
  func endsATurn(result: String, reason: String) {
    var conversation = ACPConversation.prompting()
    #expect(conversation.client.phase == .prompting)
    #expect(conversation.answer(2, result) == [.turnEnded(stopReason: reason)])
    #expect(conversation.client.phase == .ready)
  }

  @Test func goesOnInTheSameConversation() {
    var conversation = ACPConversation.prompting()
    _ = conversation.answer(2, #"{"stopReason":"end_turn"}"#)
    let second = conversation.prompt("and now")
    #expect(second.first?.sent?["params"]?["sessionId"] == "s1")
    #expect(second.first?.sent?["id"] == 3)
    #expect(conversation.answer(3, #"{"stopReason":"end_turn"}"#) == [.turnEnded(stopReason: "end_turn")])
  }

  @Test func cancels() {
    var conversation = ACPConversation.prompting()
    let cancelled = conversation.cancel()
    #expect(cancelled.methods == ["session/cancel"])
    #expect(cancelled.first?.sent?["id"] == nil)
    #expect(conversation.client.phase == .cancelling)
    #expect(conversation.cancel().isEmpty)
    let late = conversation.update(#"{"sessionUpdate":"agent_message_chunk","content":{"type":"text","text":"late"}}"#)
    #expect(late.messages == "late")
    #expect(conversation.answer(2, #"{"stopReason":"cancelled"}"#) == [.turnEnded(stopReason: "cancelled")])
    #expect(conversation.prompt("again").methods == ["session/prompt"])
  }

  @Test(arguments: [
    (#"{"jsonrpc":"2.0","id":2,"error":{"code":-32800,"message":"cancelled"}}"#, "cancelled"),
    (#"{"jsonrpc":"2.0","id":2,"error":{"code":-32603,"message":"aborted"}}"#, "cancelled"),
    (#"{"jsonrpc":"2.0","id":2,"result":null}"#, "cancelled"),
    // One that ends its turn by itself before it hears of the cancellation.
    (#"{"jsonrpc":"2.0","id":2,"result":{"stopReason":"end_turn"}}"#, "end_turn"),
  ])
  func endsACancelledTurn(line: String, reason: String) {
    var conversation = ACPConversation.prompting()
    _ = conversation.cancel()
    #expect(conversation.receive(line) == [.turnEnded(stopReason: reason)])
    #expect(conversation.client.phase == .ready)
  }

  @Test func answersPermissionsOfACancelledTurnAsCancelled() {
    var conversation = ACPConversation.prompting()
    _ = conversation.cancel()
    let actions = conversation.receive(
      #"{"jsonrpc":"2.0","id":"p","method":"session/request_permission","params":{"sessionId":"s1","toolCall":{"toolCallId":"t"},"options":[{"optionId":"a","name":"A","kind":"allow_once"}]}}"#
    )
    #expect(actions.compactMap(\.sent).first?["result"] == ["outcome": ["outcome": "cancelled"]])
    #expect(actions.events.last == .permissionAnswered(.init(tool: "tool", option: "cancelled", allowed: false)))
  }

  @Test func dropsWaitingPromptsThatWereCancelled() {
    var conversation = ACPConversation.prompting()
    #expect(conversation.prompt("waits").isEmpty)
    #expect(conversation.cancel().methods == ["session/cancel"])
    #expect(conversation.prompt("after the cancellation").isEmpty)
    let ended = conversation.answer(2, #"{"stopReason":"cancelled"}"#)
    #expect(ended.prefix(2) == [.turnEnded(stopReason: "cancelled"), .turnEnded(stopReason: "cancelled")])
    #expect(ended.last?.sent?["params"]?["prompt"] == [["type": "text", "text": "after the cancellation"]])
    #expect(ended.count == 3)
  }

  @Test func cancelsBeforeTheConversationIsOpen() {
    var conversation = ACPConversation()
    _ = conversation.prompt("early")
    _ = conversation.begin()
    #expect(conversation.cancel() == [.turnEnded(stopReason: "cancelled")])
    _ = conversation.answer(0, "{}")
    let opened = conversation.answer(1, #"{"sessionId":"s1"}"#)
    #expect(opened.methods.isEmpty)
    #expect(conversation.client.phase == .ready)
    #expect(conversation.cancel().isEmpty)
  }

  @Test(arguments: [
    (-32603, ErrorCode.agentFailed, "the model refused"), (-32602, .agentProtocol, "bad parameters"), (-32000, .agentFailed, "key"),
    (429, .agentFailed, "slow down"),
  ])
  func failsTyped(number: Int, code: ErrorCode, message: String) {
    var conversation = ACPConversation.prompting()
    let actions = conversation.refuse(2, code: number, message)
    #expect(actions.count == 1)
    #expect(actions.first?.failure?.code == code)
    #expect(actions.first?.failure?.message.contains(message) == true)
    #expect(actions.first?.failure?.mend.isEmpty == false)
    #expect(conversation.client.phase == .failed)
  }

  @Test(arguments: [
    #"{"jsonrpc":"2.0","id":99,"result":{"stopReason":"end_turn"}}"#, #"{"jsonrpc":"2.0","id":"2x","result":{}}"#,
    #"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"parse error"}}"#,
    #"{"jsonrpc":"2.0","error":{"code":-32700,"message":"parse error"}}"#,
    #"{"jsonrpc":"2.0","method":"session/unknown","params":{}}"#, #"{"jsonrpc":"2.0","method":"$/cancel_request"}"#,
    #"{"method":"_vendor/heartbeat"}"#, #"{"jsonrpc":"2.0","id":1,"result":{"sessionId":"again"}}"#, "", "  \r", "\t",
  ])
  func ignores(line: String) {
    var conversation = ACPConversation.prompting()
    let before = conversation.client
    #expect(conversation.receive(line).isEmpty)
    #expect(conversation.client == before)
  }

  @Test func takesTheIDBackAsText() {
    var conversation = ACPConversation.prompting()
    #expect(conversation.receive(#"{"id":"2","result":{"stopReason":"end_turn"}}"#) == [.turnEnded(stopReason: "end_turn")])
  }

  @Test func goesOnAfterNoise() {
    var conversation = ACPConversation.prompting()
    for noise in [
      "Traceback (most recent call last):", "{", #"{"a":1}"#, "[]", "42", #""text""#, #"{"id":3}"#, #"{"id":[1],"method":"x"}"#,
    ] {
      #expect(conversation.receive(noise) == [.emit(.agentOutput(.init(stream: .stdout, text: noise + "\n")))])
    }
    #expect(conversation.answer(2, "{}") == [.turnEnded(stopReason: "end_turn")])
  }

  @Test func failsForJSONBeyondItsBounds() {
    var conversation = ACPConversation.prompting()
    let bomb = String(repeating: "[", count: 100_000)
    #expect(conversation.receive(bomb).first?.failure?.code == .agentProtocol)
  }
}
