/// Why a WebSocket ends: the codes of RFC 6455, section 7.4, that we send.
package enum WebSocketCloseCode: UInt16, Sendable {
  case normal = 1000
  /// The server shuts down; come back with the cursor.
  case goingAway = 1001
  case protocolError = 1002
  /// Text that is not UTF-8.
  case inconsistentData = 1007
  case policyViolation = 1008
  case tooBig = 1009
  /// We failed; come back with the cursor.
  case internalError = 1011

  /// Whether a peer may send `code`: the registered ones, and those left to libraries and applications.
  package static func mayBeReceived(_ code: UInt16) -> Bool {
    switch code {
    case 1000...1003, 1007...1014, 3000...4999: true
    default: false
    }
  }

  /// What a peer's close frame asks for.
  package enum Verdict: Equatable, Sendable {
    /// Answer with the same code; nil for a close without one.
    case answer(UInt16?)
    case refuse(WebSocketCloseCode)
  }

  /// Judges the payload of a close frame: empty, or two bytes of code and a reason in UTF-8.
  package static func judge(_ payload: some Collection<UInt8>) -> Verdict {
    if payload.isEmpty { return .answer(nil) }
    guard payload.count >= 2 else { return .refuse(.protocolError) }
    let code = payload.prefix(2).reduce(UInt16(0)) { $0 << 8 | UInt16($1) }
    guard mayBeReceived(code) else { return .refuse(.protocolError) }
    guard String(validating: payload.dropFirst(2), as: UTF8.self) != nil else { return .refuse(.inconsistentData) }
    return .answer(code)
  }
}
