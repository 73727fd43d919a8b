import RookeryAgents
import RookeryModel
import Testing

/// Whatever an agent writes, the outcome is actions, and what is sent back is one line of JSON.
@Suite struct ACPFuzzTests {
  private static let corpus: [String] = [
    #"{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":1,"agentCapabilities":{"loadSession":true},"authMethods":[{"id":"a"}]}}"#,
    #"{"jsonrpc":"2.0","id":1,"result":{"sessionId":"s1"}}"#, #"{"jsonrpc":"2.0","id":2,"result":{"stopReason":"end_turn"}}"#,
    #"{"jsonrpc":"2.0","id":2,"error":{"code":-32603,"message":"m","data":{"details":"d"}}}"#,
    #"{"jsonrpc":"2.0","method":"session/update","params":{"sessionId":"s1","update":{"sessionUpdate":"tool_call","toolCallId":"t","title":"x","content":[{"type":"diff","path":"p","oldText":"a","newText":"b"}],"locations":[{"path":"p","line":1e300}],"rawInput":{"a":[1,2.5,null,true]}}}}"#,
    #"{"jsonrpc":"2.0","method":"session/update","params":{"update":{"sessionUpdate":"plan","entries":[{"content":"c"}]}}}"#,
    #"{"jsonrpc":"2.0","id":9,"method":"session/request_permission","params":{"toolCall":{"toolCallId":"t"},"options":[{"optionId":"o","kind":"allow_once"}]}}"#,
    #"{"a":"\ud800","b":"\udc00\ud83d\ude00","c":-0,"d":1e999,"e":99999999999999999999}"#,
  ]

  @Test(arguments: 0..<40)
  func survives(seed: Int) throws {
    var generator = SplitMix(state: UInt64(seed) &* 0x9E37_79B9 + 1)
    var conversation = ACPConversation(resume: seed % 3 == 0 ? "old" : nil, stored: seed % 5 == 0)
    _ = conversation.begin()
    for _ in 0..<300 {
      var line = Array(Self.corpus[Int.random(in: 0..<Self.corpus.count, using: &generator)].utf8)
      for _ in 0..<Int.random(in: 0...4, using: &generator) where !line.isEmpty {
        let place = Int.random(in: 0..<line.count, using: &generator)
        switch Int.random(in: 0..<5, using: &generator) {
        case 0: line[place] = UInt8.random(in: 0...255, using: &generator)
        case 1: line.remove(at: place)
        case 2: line.insert(UInt8.random(in: 0...255, using: &generator), at: place)
        case 3: line = Array(line[place...])
        default: line = Array(line[..<place])
        }
      }
      var actions = conversation.client.receive(line: line)
      switch Int.random(in: 0..<20, using: &generator) {
      case 0: actions += conversation.prompt("p")
      case 1: actions += conversation.cancel()
      default: break
      }
      for case .send(let line) in actions {
        #expect(!line.contains(0x0a))
        #expect(ACPAction.send(line: line).sent != nil)
      }
    }
  }

  /// Reproducible from its seed.
  private struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return z ^ (z >> 31)
    }
  }
}
