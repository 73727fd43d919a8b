import Foundation
import RookeryAgents
import RookeryModel
import Testing

@Suite struct ACPBoundsTests {
  private static let eventLimit = 256 << 10

  private func size(_ payload: EventPayload) throws -> Int {
    try JSON.encode(Event(seq: .max, time: .now, turn: 1, payload: payload)).count
  }

  private func text(_ text: String) throws -> String { String(decoding: try JSON.encode(JSONValue.string(text)), as: UTF8.self) }

  @Test(arguments: ["a", "é", "\u{1}", "\"", "👩‍👩‍👧", "\n"])
  func splitsLongText(unit: String) throws {
    let long = String(repeating: unit, count: 600_000 / unit.utf8.count)
    var conversation = ACPConversation.prompting()
    let said = conversation.update(#"{"sessionUpdate":"agent_message_chunk","content":{"type":"text","text":\#(try text(long))}}"#)
    #expect(said.count > 1)
    #expect(said.messages == long)
    for event in said.events { #expect(try size(event) <= Self.eventLimit) }
    let noise = conversation.receive(unit == "\n" ? String(repeating: "x", count: 600_000) : long)
    #expect(noise.count > 1)
    for event in noise.events { #expect(try size(event) <= Self.eventLimit) }
  }

  @Test(arguments: ["x", "\u{2}", "é"])
  func cutsLongToolCalls(unit: String) throws {
    let long = try text(String(repeating: unit, count: 900_000 / unit.utf8.count))
    let block = #"{"type":"content","content":{"type":"text","text":\#(long)}}"#
    let diff = #"{"type":"diff","path":"a","oldText":\#(long),"newText":\#(long)}"#
    var conversation = ACPConversation.prompting()
    let actions = conversation.update(
      #"{"sessionUpdate":"tool_call","toolCallId":\#(long),"title":\#(long),"kind":\#(long),"rawInput":{"a":\#(long),"b":[\#(long),\#(long)]},"rawOutput":\#(long),"content":[\#(diff),\#(block),\#(block),\#(block)],"locations":[{"path":\#(long)}]}"#
    )
    #expect(actions.count == 2)
    for event in actions.events { #expect(try size(event) <= Self.eventLimit) }
    guard case .toolCall(let call) = actions.events.first, case .string(let input) = call.input?["a"] else {
      Issue.record("no tool call")
      return
    }
    #expect(input.utf8.count <= (64 << 10) + 100)
    let kept = input.prefix { String($0) == unit }.utf8.count
    #expect(input.hasSuffix("… \(900_000 / unit.utf8.count * unit.utf8.count - kept) bytes left out"))
    #expect(call.content.count >= 2)
  }

  @Test func cutsManySmallValues() throws {
    let numbers = "[" + (0..<200_000).map { "\($0)" }.joined(separator: ",") + "]"
    var conversation = ACPConversation.prompting()
    let actions = conversation.update(
      #"{"sessionUpdate":"tool_call","toolCallId":"t","rawInput":\#(numbers),"content":[\#(Array(repeating: #"{"type":"text","text":"x"}"#, count: 50_000).joined(separator: ","))],"locations":[\#(Array(repeating: #"{"path":"p"}"#, count: 50_000).joined(separator: ","))]}"#
    )
    for event in actions.events { #expect(try size(event) <= Self.eventLimit) }
    guard case .toolCall(let call) = actions.events.first else {
      Issue.record("no tool call")
      return
    }
    #expect(call.input?.array?.last?.string?.hasSuffix("more left out") == true)
    #expect(call.content.last == .text("… \(50_000 - (call.content.count - 1)) more left out"))
  }

  @Test func cutsAPlan() throws {
    let entry = #"{"content":\#(try text(String(repeating: "\u{3}", count: 5_000)))}"#
    var conversation = ACPConversation.prompting()
    let actions = conversation.update(
      #"{"sessionUpdate":"plan","entries":[\#(Array(repeating: entry, count: 300).joined(separator: ","))]}"#)
    for event in actions.events { #expect(try size(event) <= Self.eventLimit) }
  }

  @Test func remembersNoMoreToolCallsThanItMust() throws {
    var conversation = ACPConversation.prompting()
    for number in 0..<20_000 {
      _ = conversation.update(
        #"{"sessionUpdate":"tool_call","toolCallId":"call-\#(number)","title":"\#(String(repeating: "t", count: 500))"}"#)
    }
    #expect(try JSON.encode(conversation.client).count < 256 << 10)
  }
}
