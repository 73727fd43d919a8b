/// Makes text that a sandbox or a remote wrote safe to show on a terminal.
enum PlainText {
  /// `text` without escape sequences and control characters; tabs stay.
  static func line(_ text: some StringProtocol) -> String {
    var result = String.UnicodeScalarView()
    var escape = Escape.none
    for scalar in text.unicodeScalars {
      switch (escape, scalar.value) {
      case (_, 0x1b): escape = .introduced
      case (.introduced, 0x5b): escape = .control
      case (.introduced, 0x5d), (.introduced, 0x50), (.introduced, 0x58), (.introduced, 0x5e), (.introduced, 0x5f): escape = .string
      // Ends at its final byte, after which plain text goes on.
      case (.introduced, 0x30...0x7e): escape = .none
      case (.introduced, _): break
      case (.control, 0x40...0x7e): escape = .none
      case (.control, _): break
      case (.string, 0x07): escape = .none
      case (.string, _): break
      case (.none, 0x09): result.append(scalar)
      case (.none, 0..<0x20), (.none, 0x7f..<0xa0): break
      // Marks that reorder or hide what follows on a terminal.
      case (.none, 0x200e...0x200f), (.none, 0x202a...0x202e), (.none, 0x2066...0x2069): break
      case (.none, _): result.append(scalar)
      }
    }
    return String(result)
  }

  private enum Escape { case none, introduced, control, string }
}
