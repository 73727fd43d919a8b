import RookeryModel

/// Cuts an agent's stdout into lines, each with the offset at which the next one begins: the place to resume after a crash.
package struct ACPLineSplitter: Sendable {
  package struct Line: Sendable, Equatable {
    /// Without the newline, and without a carriage return before it. May be empty.
    package var bytes: [UInt8]
    /// The offset in the stream after the line's newline.
    package var end: UInt64

    package init(bytes: [UInt8], end: UInt64) {
      self.bytes = bytes
      self.end = end
    }
  }

  /// Bytes that one line may have.
  package static let limit = 32 << 20

  private let limit: Int
  private var partial: [UInt8] = []
  /// The offset after the last byte taken.
  package private(set) var offset: UInt64

  /// - Parameter offset: where the stream begins, or where a line that was stored ended.
  package init(offset: UInt64 = 0, limit: Int = ACPLineSplitter.limit) {
    self.offset = offset
    self.limit = limit
  }

  /// The lines that `bytes`, which begin at `offset` of the stream, complete. Bytes that were taken before are skipped.
  ///
  /// Throws `agentProtocol` for a line beyond the limit, `internal` when bytes are missing between the last ones and these.
  package mutating func append(offset start: UInt64, bytes: [UInt8]) throws(RookeryError) -> [Line] {
    guard start <= offset else {
      throw RookeryError(
        .internal, "Output of the agent is missing.", context: "stdout continues at \(start), known until \(offset)")
    }
    let known = offset - start
    guard known < UInt64(bytes.count) else { return [] }
    var rest = bytes[Int(known)...]
    var lines: [Line] = []
    while let newline = rest.firstIndex(of: 0x0a) {
      try take(rest[..<newline])
      offset += 1
      lines.append(Line(bytes: completed(), end: offset))
      rest = rest[(newline + 1)...]
    }
    try take(rest)
    return lines
  }

  /// What followed the last newline, once the stream has ended.
  package mutating func finish() -> Line? {
    guard !partial.isEmpty else { return nil }
    return Line(bytes: completed(), end: offset)
  }

  private mutating func take(_ bytes: ArraySlice<UInt8>) throws(RookeryError) {
    guard partial.count + bytes.count <= limit else {
      throw RookeryError(
        .agentProtocol, "The agent wrote a line of more than \(limit >> 20) MiB on its stdout.",
        mend: "ACP messages are lines; check that the agent's command really speaks ACP.")
    }
    partial.append(contentsOf: bytes)
    offset += UInt64(bytes.count)
  }

  private mutating func completed() -> [UInt8] {
    defer { partial = [] }
    if partial.last == 0x0d { partial.removeLast() }
    return partial
  }
}
