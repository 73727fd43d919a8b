/// A unified diff for a terminal.
package enum DiffText {
  /// Each line cleaned and in its colour.
  package static func render(_ diff: String, _ palette: Palette) -> String {
    var isHeader = true
    return diff.split(separator: "\n", omittingEmptySubsequences: false).map { raw in
      let line = PrintableText.clean(String(raw))
      if line.hasPrefix("diff --git ") { isHeader = true }
      if line.hasPrefix("@@") { isHeader = false }
      // Inside a hunk “+++” and “---” are ordinary added and removed lines.
      if isHeader { return palette.paint(line, line.hasPrefix("diff --git ") ? .bold : .dim) }
      switch line.first {
      case "+": return palette.paint(line, .green)
      case "-": return palette.paint(line, .red)
      case "@": return palette.paint(line, .cyan)
      default: return line
      }
    }.joined(separator: "\n")
  }
}
