import HTTPTypes
import RookeryModel
import RookeryWebSocket
import Testing

@Suite struct HandshakeTests {
  static func request(method: HTTPRequest.Method = .get, _ changes: [String: String] = [:]) throws -> HTTPRequest {
    var fields = HTTPFields()
    var values = [
      "Connection": "keep-alive, Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
      "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    ]
    values.merge(changes) { $1 }
    for (name, value) in values { fields[try #require(HTTPField.Name(name))] = value }
    return HTTPRequest(method: method, scheme: "http", authority: "localhost", path: "/", headerFields: fields)
  }

  @Test func theKeyOfTheStandardGivesItsAnswer() throws {
    let answer = try WebSocketHandshake(Self.request()).answer
    #expect(answer[try #require(HTTPField.Name("Sec-WebSocket-Accept"))] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    #expect(answer[.upgrade] == "websocket")
    #expect(answer[.connection] == "Upgrade")
  }

  @Test(arguments: [
    ("Connection", "keep-alive"), ("Upgrade", "h2c"), ("Sec-WebSocket-Version", "8"), ("Sec-WebSocket-Key", "short"),
    ("Sec-WebSocket-Key", ""), ("Sec-WebSocket-Key", "AAAA"),
  ])
  func badHandshakesAreRefused(name: String, value: String) throws {
    let request = try Self.request([name: value])
    let error = #expect(throws: RookeryError.self) { try WebSocketHandshake(request) }
    #expect(error?.code == .badRequest)
  }

  @Test func onlyGetUpgrades() throws {
    let request = try Self.request(method: .post)
    #expect(throws: RookeryError.self) { try WebSocketHandshake(request) }
  }

  @Test(arguments: [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999] as [UInt16])
  func goodCloseCodesAreAnswered(code: UInt16) {
    #expect(WebSocketCloseCode.judge([UInt8(code >> 8), UInt8(code & 255)]) == .answer(code))
  }

  @Test(arguments: [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000] as [UInt16])
  func badCloseCodesAreRefused(code: UInt16) {
    #expect(WebSocketCloseCode.judge([UInt8(code >> 8), UInt8(code & 255)]) == .refuse(.protocolError))
  }

  @Test func closePayloadsAreJudged() {
    #expect(WebSocketCloseCode.judge([]) == .answer(nil))
    #expect(WebSocketCloseCode.judge([3]) == .refuse(.protocolError))
    #expect(WebSocketCloseCode.judge([3, 232, 0xFF]) == .refuse(.inconsistentData))
    #expect(WebSocketCloseCode.judge([3, 232] + Array("bye".utf8)) == .answer(1000))
  }
}
