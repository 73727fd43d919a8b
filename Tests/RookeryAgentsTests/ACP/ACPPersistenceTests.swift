import Foundation
import RookeryAgents
import RookeryModel
import Testing

@Suite struct ACPPersistenceTests {
  /// A whole conversation: opening, a turn with a tool and a permission, noise, a cancelled turn, another.
  private static let steps: [@Sendable (inout ACPConversation) -> [ACPAction]] = [
    { $0.prompt("first") }, { $0.begin() },
    {
      $0.answer(
        0,
        #"{"protocolVersion":1,"agentInfo":{"name":"n","version":"1"},"agentCapabilities":{"loadSession":true},"authMethods":[{"id":"key"}]}"#
      )
    },
    { $0.update(#"{"sessionUpdate":"available_commands_update","availableCommands":[]}"#) },
    { $0.answer(1, #"{"sessionId":"s1"}"#) },
    { $0.update(#"{"sessionUpdate":"agent_thought_chunk","content":{"type":"text","text":"hm"}}"#) },
    { $0.update(#"{"sessionUpdate":"tool_call","toolCallId":"t","title":"run"}"#) },
    {
      $0.receive(
        #"{"id":"p","method":"session/request_permission","params":{"toolCall":{"toolCallId":"t"},"options":[{"optionId":"o","kind":"allow_once"}]}}"#
      )
    },
    { $0.receive("warning: printed on stdout") },
    { $0.update(#"{"sessionUpdate":"tool_call_update","toolCallId":"t","status":"completed"}"#) },
    { $0.prompt("second") }, { $0.answer(2, #"{"stopReason":"end_turn"}"#) }, { $0.cancel() },
    { $0.prompt("third") }, { $0.answer(3, #"{"stopReason":"cancelled"}"#) },
    { $0.receive(#"{"id":4,"error":{"code":-32000,"message":"log in"}}"#) }, { $0.prompt("fourth") },
  ]

  @Test func goesOnAfterEachStepAsIfNothingHadHappened() {
    var kept = ACPConversation()
    var stored = ACPConversation(stored: true)
    for (index, step) in Self.steps.enumerated() {
      let expected = step(&kept)
      let actions = step(&stored)
      // An error's context is for the log of this run; it is not stored.
      #expect(strip(actions) == strip(expected), "step \(index)")
    }
    #expect(stored.client.phase == .failed)
    #expect(stored.client == kept.client)
  }

  private func strip(_ actions: [ACPAction]) -> [ACPAction] {
    actions.map { if case .failed(let error) = $0 { .failed(RookeryError(error.code, error.message, mend: error.mend)) } else { $0 } }
  }

  @Test func doesNotReadWhatANewerVersionWrote() throws {
    let client = ACPConversation.opened().client
    let text = String(decoding: try JSON.encode(client), as: UTF8.self)
    #expect(text.contains(#""version":1"#))
    #expect(throws: DecodingError.self) {
      try JSON.decode(ACPClient.self, from: Data(text.replacing(#""version":1"#, with: #""version":2"#).utf8))
    }
  }
}
