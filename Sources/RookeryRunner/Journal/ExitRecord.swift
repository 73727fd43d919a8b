/// The text of `<process id>.exit`: `code N` or `signal N`, and a line end.
package enum ExitRecord {
  package static func text(_ status: ExitStatus) -> String {
    switch status {
    case .code(let code): "code \(code)\n"
    case .signal(let signal): "signal \(signal)\n"
    }
  }

  /// Nil when the text is torn or not such a record.
  package static func parse(_ text: String) -> ExitStatus? {
    guard text.hasSuffix("\n") else { return nil }
    let words = text.dropLast().split(separator: " ", omittingEmptySubsequences: false)
    guard words.count == 2, let number = Int32(words[1]) else { return nil }
    switch words[0] {
    case "code": return .code(number)
    case "signal": return .signal(number)
    default: return nil
    }
  }
}
