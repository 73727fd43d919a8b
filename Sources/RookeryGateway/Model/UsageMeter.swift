import Foundation
import NIOCore
import RookeryModel

/// Counts the tokens of one answer while it passes through, from what the API reports; where that is missing, because the stream
/// doesn't carry it or broke before it did, it estimates four bytes of text a token.
struct UsageMeter {
  private enum Format { case json, events, other }

  /// Of a whole answer, and of a line of a stream; more is passed on without being read.
  private static let limit = 8 << 20

  private let format: Format
  private let requestBytes: Int
  private var pending: [UInt8] = []
  private var isSkipping = false
  private var count = TokenCount()
  private var textBytes = 0
  /// Whether the API said how many tokens came out in the end.
  private var isFinal = false

  /// - Parameter requestBytes: Size of the request's body, for estimates.
  init(contentType: String, requestBytes: Int) {
    self.requestBytes = requestBytes
    let type = contentType.lowercased()
    format = type.hasPrefix("application/json") ? .json : type.hasPrefix("text/event-stream") ? .events : .other
  }

  mutating func feed(_ part: ByteBuffer) {
    guard format != .other else { return }
    var rest = part.bytes[...]
    while format == .events, let end = rest.firstIndex(of: 0x0a) {
      if !isSkipping { line(pending + rest[..<end]) }
      (pending, isSkipping) = ([], false)
      rest = rest[(end + 1)...]
    }
    if isSkipping || pending.count + rest.count > Self.limit { (pending, isSkipping) = ([], true) } else { pending += rest }
  }

  /// What was used up to now, as far as that can be told before the end.
  var soFar: (input: Int, output: Int) { (count.input ?? requestBytes / 4, max(count.output ?? 0, textBytes / 4)) }

  /// What was used. Called once, after the answer's end or break.
  mutating func finish() -> Usage {
    if format == .json, !isSkipping, let json = try? JSON.decode(JSONValue.self, from: Data(pending)) {
      count.report(json)
      isFinal = count.output != nil
    }
    let input = count.input ?? requestBytes / 4
    let output = isFinal ? count.output ?? 0 : max(count.output ?? 0, textBytes / 4)
    return Usage(inputTokens: input, outputTokens: output, requests: 1)
  }

  private mutating func line(_ line: [UInt8]) {
    guard line.starts(with: "data:".utf8) else { return }
    guard let json = try? JSON.decode(JSONValue.self, from: Data(line.dropFirst(5))) else { return }
    count.report(json)
    if case .object = json["usage"] ?? json["response"]?["usage"] { isFinal = count.output != nil }
    if !isFinal { textBytes += Self.textBytes(json) }
  }

  /// Bytes of generated text in an event of any dialect.
  private static func textBytes(_ json: JSONValue) -> Int {
    let names: Set = ["content", "reasoning_content", "text", "thinking", "partial_json", "arguments", "delta"]
    switch json {
    case .object(let members):
      return members.reduce(0) { sum, member in
        if case .string(let text) = member.value { return sum + (names.contains(member.key) ? text.utf8.count : 0) }
        return sum + textBytes(member.value)
      }
    case .array(let values): return values.reduce(0) { $0 + textBytes($1) }
    default: return 0
    }
  }
}
