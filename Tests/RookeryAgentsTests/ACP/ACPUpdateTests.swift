import RookeryAgents
import RookeryModel
import Testing

@Suite struct ACPUpdateTests {
  @Test(arguments: [
    (#"{"type":"text","text":"hello"}"#, "hello"), (#""plain""#, "plain"),
    (#"[{"type":"text","text":"a"},{"type":"text","text":"b"}]"#, "ab"),
    (#"{"type":"image","mimeType":"image/png","data":"AAAA"}"#, "[image/png, 4 bytes of base64 left out]"),
    (#"{"type":"resource_link","name":"doc","uri":"file:///doc"}"#, "[doc](file:///doc)"),
    (#"{"type":"resource","resource":{"uri":"file:///x","text":"inside"}}"#, "inside"),
  ])
  func reads(content: String, text: String) {
    var conversation = ACPConversation.prompting()
    #expect(
      conversation.update(#"{"sessionUpdate":"agent_message_chunk","content":\#(content)}"#) == [.emit(.agentMessage(.init(text: text)))])
    #expect(
      conversation.update(#"{"sessionUpdate":"agent_thought_chunk","content":\#(content)}"#) == [.emit(.agentThought(.init(text: text)))])
  }

  @Test(arguments: [
    #"{"sessionUpdate":"user_message_chunk","content":{"type":"text","text":"do it"}}"#,
    #"{"sessionUpdate":"available_commands_update","availableCommands":[]}"#,
    #"{"sessionUpdate":"current_mode_update","currentModeId":"x"}"#, #"{"sessionUpdate":"config_option_update","configOptions":[]}"#,
    #"{"sessionUpdate":"session_info_update","title":"x"}"#, #"{"sessionUpdate":"usage_update","used":1,"size":2}"#,
    #"{"sessionUpdate":"invented_update"}"#, #"{"sessionUpdate":7}"#, "{}", "null", "[]",
    #"{"sessionUpdate":"agent_message_chunk"}"#, #"{"sessionUpdate":"agent_message_chunk","content":{"type":"text","text":""}}"#,
    #"{"sessionUpdate":"tool_call","title":"without an id"}"#,
  ])
  func keepsOutOfTheLog(update: String) {
    var conversation = ACPConversation.prompting()
    #expect(conversation.update(update).isEmpty)
  }

  @Test func leavesOutOtherConversations() {
    var conversation = ACPConversation.prompting()
    let update = #"{"sessionUpdate":"agent_message_chunk","content":{"type":"text","text":"x"}}"#
    #expect(conversation.update(update, session: "other").isEmpty)
    // One that does not say which conversation it means can only mean this one.
    #expect(conversation.receive(#"{"method":"session/update","params":{"update":\#(update)}}"#).messages == "x")
  }

  @Test func keepsWhatAnAgentSaysBetweenTurns() {
    var conversation = ACPConversation.prompting()
    _ = conversation.answer(2, "{}")
    let update = #"{"sessionUpdate":"agent_message_chunk","content":{"type":"text","text":"by the way"}}"#
    #expect(conversation.update(update).messages == "by the way")
  }

  @Test func reportsAToolCall() {
    var conversation = ACPConversation.prompting()
    let call = conversation.update(
      #"{"sessionUpdate":"tool_call","toolCallId":"t1","title":"Edit main.c","kind":"edit","status":"pending","rawInput":{"path":"main.c"},"locations":[{"path":"main.c","line":3},{"path":"b.c","line":null},{}],"content":[{"type":"diff","path":"main.c","oldText":null,"newText":"int x;\n"},{"type":"content","content":{"type":"text","text":"why"}},{"type":"terminal","terminalId":"x"}]}"#
    )
    #expect(
      call.events == [
        .toolCall(
          ToolCall(
            id: "t1", title: "Edit main.c", kind: "edit", status: "pending",
            content: [.diff(path: "main.c", old: nil, new: "int x;\n"), .text("why")],
            locations: [.init(path: "main.c", line: 3), .init(path: "b.c", line: nil)], input: ["path": "main.c"]))
      ])
    let update = conversation.update(
      #"{"sessionUpdate":"tool_call_update","toolCallId":"t1","status":"completed","rawOutput":{"exitCode":0}}"#)
    #expect(update.events == [.toolUpdate(ToolUpdate(id: "t1", status: "completed", output: ["exitCode": 0]))])
  }

  @Test func fillsInWhatAnAgentLeavesOut() {
    var conversation = ACPConversation.prompting()
    let bare = conversation.update(
      #"{"sessionUpdate":"tool_call","toolCallId":"t1","title":null,"kind":null,"status":null,"content":null}"#)
    #expect(
      bare.events == [.toolCall(.init(id: "t1", title: "tool", kind: "other", status: "pending", content: [], locations: [], input: nil))])
    // The same call again is an update of it; an update of an unknown call announces it.
    #expect(
      conversation.update(#"{"sessionUpdate":"tool_call","toolCallId":"t1","title":"T"}"#).events == [
        .toolUpdate(.init(id: "t1", title: "T"))
      ])
    let unknown = conversation.update(
      #"{"sessionUpdate":"tool_call_update","toolCallId":5,"status":"completed","rawOutput":"out","content":{"type":"text","text":"bare"}}"#
    )
    #expect(
      unknown.events == [
        .toolCall(.init(id: "5", title: "tool", kind: "other", status: "completed", content: [.text("bare")], locations: [], input: nil)),
        .toolUpdate(.init(id: "5", output: "out")),
      ])
  }

  @Test func announcesAnewInEachTurn() {
    var conversation = ACPConversation.prompting()
    let call = #"{"sessionUpdate":"tool_call","toolCallId":"t1","title":"T"}"#
    _ = conversation.update(call)
    _ = conversation.answer(2, "{}")
    _ = conversation.prompt("next")
    guard case .toolCall = conversation.update(call).events.first else {
      Issue.record("not announced")
      return
    }
  }

  @Test func reportsAPlan() {
    var conversation = ACPConversation.prompting()
    let plan = conversation.update(
      #"{"sessionUpdate":"plan","entries":[{"content":"look","priority":"high","status":"in_progress"},{"content":"act"},"word"]}"#)
    #expect(
      plan.events == [
        .plan(
          Plan(entries: [
            .init(content: "look", priority: "high", status: "in_progress"), .init(content: "act", priority: "medium", status: "pending"),
            .init(content: "word", priority: "medium", status: "pending"),
          ]))
      ])
  }
}
