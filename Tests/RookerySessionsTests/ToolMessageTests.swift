import Foundation
import RookeryModel
import Testing

@testable import RookerySessions

@Suite struct ToolMessageTests {
  private func answer(_ text: String) throws -> JSONValue? {
    var message = ToolMessage()
    guard case .answered(let answer) = message.read(text) else { return nil }
    return try answer.map { try JSON.decode(JSONValue.self, from: Data($0.utf8)) }
  }

  @Test func aConversationIsOpened() throws {
    let opened = try answer(
      #"{"jsonrpc":"2.0","id":"a","method":"initialize","params":{"protocolVersion":"2025-03-26","capabilities":{}}}"#)
    #expect(opened?["id"] == "a")
    #expect(opened?["result"]?["protocolVersion"] == "2025-03-26")
    let newer = try answer(#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2099-01-01"}}"#)
    #expect(newer?["result"]?["protocolVersion"] == "2025-06-18")
    #expect(try answer(#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#) == nil)
    let tools = try answer(#"{"jsonrpc":"2.0","id":2,"method":"tools/list"}"#)?["result"]?["tools"]?.array ?? []
    #expect(tools.map { $0["name"] } == ["start_session", "session_status", "wait", "send_prompt"])
    for tool in tools { #expect(tool["inputSchema"]?["type"] == "object" && tool["description"]?.string?.isEmpty == false) }
  }

  @Test(arguments: [
    ("", -32700), ("[1]", -32700), (#"{"jsonrpc":"2.0","id":1,"method":"resources/list"}"#, -32601),
  ])
  func whatIsNotUnderstoodIsAnError(text: String, code: Int64) throws {
    #expect(try answer(text)?["error"]?["code"]?.integer == code)
  }

  @Test func aCallIsForOthersToAnswer() throws {
    var message = ToolMessage()
    let meaning = message.read(#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"wait","arguments":{"session":"s1"}}}"#)
    guard case .call(let name, let arguments) = meaning else {
      Issue.record("no call: \(meaning)")
      return
    }
    #expect(name == "wait")
    #expect(arguments["session"] == "s1")
    let good = try JSON.decode(JSONValue.self, from: Data(message.answer(["state": "idle"]).utf8))
    #expect(good["id"] == 7 && good["result"]?["isError"] == false)
    #expect(good["result"]?["structuredContent"] == ["state": "idle"])
    let bad = try JSON.decode(JSONValue.self, from: Data(message.answer(RookeryError(.forbidden, "No.", mend: "Ask.")).utf8))
    #expect(bad["result"]?["isError"] == true && bad["result"]?["content"]?.array?.first?["text"] == "No. Ask.")
  }
}
