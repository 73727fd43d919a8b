/// Output of programs as plain text: colours and cursor movements are taken out, also when a chunk ends in the middle of one.
/// A value, fed chunk by chunk.
struct TerminalText: Sendable {
  private enum State {
    case text
    /// After ESC.
    case escape
    /// Inside `ESC [ …`, until its final byte.
    case control
    /// Inside `ESC ] …`, until BEL or ESC.
    case string
    /// After a carriage return: a line feed makes it a line end, anything else too.
    case carriage
  }

  private var state = State.text

  init() {}

  /// The readable part of the next chunk.
  mutating func feed(_ chunk: String) -> String {
    var text = ""
    text.reserveCapacity(chunk.utf8.count)
    for scalar in chunk.unicodeScalars { feed(scalar, into: &text) }
    return text
  }

  static func plain(_ text: String) -> String {
    var terminal = TerminalText()
    return terminal.feed(text)
  }

  private mutating func feed(_ scalar: Unicode.Scalar, into text: inout String) {
    switch state {
    case .escape:
      state = scalar == "[" ? .control : scalar == "]" ? .string : .text
    case .control:
      if (0x40...0x7e).contains(scalar.value) { state = .text }
    case .string:
      if scalar == "\u{7}" { state = .text } else if scalar == "\u{1b}" { state = .escape }
    case .carriage:
      state = .text
      if scalar != "\n" { text.unicodeScalars.append("\n") }
      append(scalar, to: &text)
    case .text:
      append(scalar, to: &text)
    }
  }

  private mutating func append(_ scalar: Unicode.Scalar, to text: inout String) {
    switch scalar {
    case "\u{1b}": state = .escape
    case "\r": state = .carriage
    case "\n", "\t": text.unicodeScalars.append(scalar)
    case _ where scalar.value < 0x20 || scalar.value == 0x7f: break
    default: text.unicodeScalars.append(scalar)
    }
  }
}
