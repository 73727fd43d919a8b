import Foundation
import RookeryAgents
import RookeryModel
import Testing

/// Telling a running turn more, as far as the agent can do that.
@Suite struct ACPSteeringTests {
  private let first = PromptID.random(prefix: "p")
  private let second = PromptID.random(prefix: "p")

  /// A conversation whose first prompt is request 2, with an agent that takes more into a turn.
  private func prompting(_ capabilities: String = "{}", stored: Bool = false) -> ACPConversation {
    var conversation = ACPConversation(stored: stored)
    _ = conversation.begin()
    _ = conversation.answer(
      0, #"{"protocolVersion":1,"agentCapabilities":\#(capabilities),"_meta":{"steering":{"supported":true}}}"#)
    _ = conversation.answer(1, #"{"sessionId":"s1"}"#)
    _ = conversation.prompt("do it")
    return conversation
  }

  @Test func anAgentThatSaysNothingOfItIsNotSteered() {
    var conversation = ACPConversation.prompting()
    #expect(!conversation.client.canSteer)
    #expect(conversation.steer(first, "more") == nil)
  }

  @Test(arguments: [false, true]) func theTurnEndsWhenWhatItWasToldIsAnswered(stored: Bool) {
    var conversation = prompting(stored: stored)
    #expect(conversation.client.canSteer)
    let sent = conversation.steer(first, "more")?.compactMap(\.sent).first
    #expect(sent?["method"] == "_session/steering")
    #expect(sent?["params"]?["prompt"] == [["type": "text", "text": "more"]])
    #expect(sent?["params"]?["sessionId"] == "s1")
    #expect(conversation.answer(3, #"{"outcome":"injected"}"#) == [])
    #expect(conversation.answer(2, #"{"stopReason":"end_turn"}"#) == [.turnEnded(stopReason: "end_turn")])
  }

  @Test(arguments: [false, true]) func whatCameTooLateIsGivenBackBeforeTheTurnEnds(stored: Bool) {
    var conversation = prompting(stored: stored)
    _ = conversation.steer(first, "more")
    _ = conversation.steer(second, "and more")
    #expect(conversation.answer(2, #"{"stopReason":"end_turn"}"#) == [])
    #expect(!conversation.client.canSteer)
    #expect(conversation.answer(3, #"{"outcome":"injected"}"#) == [])
    let actions = conversation.answer(4, #"{"outcome":"promptRequired"}"#)
    #expect(actions == [.steerRefused(second, reason: "The turn had just ended."), .turnEnded(stopReason: "end_turn")])
    // The next prompt is an ordinary one.
    #expect(conversation.prompt("next").methods == ["session/prompt"])
  }

  @Test func anAgentThatFailsToTakeItInGivesItBack() {
    var conversation = prompting()
    _ = conversation.steer(first, "more")
    #expect(conversation.refuse(3, code: -32601, "no such method").map(\.isRefusal) == [true])
    _ = conversation.steer(second, "more")
    #expect(conversation.answer(4, #"{"outcome":"failed"}"#).map(\.isRefusal) == [true])
    #expect(conversation.answer(2, #"{"stopReason":"end_turn"}"#) == [.turnEnded(stopReason: "end_turn")])
  }

  @Test func aStopWaitsForNoAnswerToIt() {
    var conversation = prompting()
    _ = conversation.steer(first, "more")
    #expect(conversation.cancel().methods == ["session/cancel"])
    #expect(!conversation.client.canSteer)
    #expect(conversation.answer(2, #"{"stopReason":"cancelled"}"#) == [.turnEnded(stopReason: "cancelled")])
    #expect(conversation.answer(3, #"{"outcome":"failed"}"#) == [])
  }

  // MARK: Files

  private static let picture = Data([0x89, 0x50, 0x4e, 0x47, 1, 2, 3])
  private let files = [
    PromptFile(name: "a.png", mediaType: "image/png", path: "/files/a b.png", bytes: 7, content: picture),
    PromptFile(name: "b.txt", mediaType: "text/plain", path: "/files/b.txt", bytes: 5, content: Data("hello".utf8)),
    PromptFile(name: "c.zip", mediaType: "application/zip", path: "/files/c.zip", bytes: 3, content: Data([0, 255, 1])),
    PromptFile(name: "d.iso", mediaType: "application/x-iso", path: "/files/d.iso", bytes: 19_000_000, content: nil),
  ]

  private func blocks(_ capabilities: String) -> [JSONValue] {
    var conversation = ACPConversation()
    _ = conversation.begin()
    _ = conversation.answer(0, #"{"protocolVersion":1,"agentCapabilities":\#(capabilities)}"#)
    _ = conversation.answer(1, #"{"sessionId":"s1"}"#)
    let sent = conversation.client.prompt("look", files: files).compactMap(\.sent).first
    return sent?["params"]?["prompt"]?.array ?? []
  }

  @Test func filesAreNamedAndWhatTheAgentTakesIsInTheMessage() {
    let all = blocks(#"{"promptCapabilities":{"image":true,"embeddedContext":true}}"#)
    #expect(all.map { $0["type"] } == ["text", "image", "resource", "resource"])
    #expect(all[0]["text"]?.string?.contains("- /files/d.iso (application/x-iso, 19000000 bytes)") == true)
    #expect(all[1]["data"]?.string == Self.picture.base64EncodedString())
    #expect(all[1]["uri"] == "file:///files/a%20b.png")
    #expect(all[2]["resource"]?["text"] == "hello")
    #expect(all[3]["resource"]?["blob"]?.string == Data([0, 255, 1]).base64EncodedString())
    #expect(blocks(#"{"promptCapabilities":{"image":true}}"#).map { $0["type"] } == ["text", "image"])
    #expect(blocks("{}").map { $0["type"] } == ["text"])
  }
}

extension ACPAction {
  fileprivate var isRefusal: Bool { if case .steerRefused = self { true } else { false } }
}
