import RookeryModel

/// Tool calls as lines: what the agent does, and which files it changes. What a tool printed stays folded.
struct ToolLines: Sendable {
  private let palette: Palette
  private var titles: [String: String] = [:]
  /// The call whose line is the last one shown: its success needs no line of its own.
  private var last: String?

  private static let detailLimit = 120
  /// Members of a call's input that say what it is about, the first that is there.
  private static let telling = ["command", "cmd", "file_path", "path", "pattern", "query", "url"]

  init(palette: Palette) { self.palette = palette }

  /// Something else was shown since.
  mutating func interrupted() { last = nil }

  mutating func lines(of call: ToolCall) -> [String] {
    titles[call.id] = call.title
    last = call.id
    return [start(call.title, call.input)] + changes(call.content)
  }

  mutating func lines(of update: ToolUpdate) -> [String] {
    let known = titles[update.id]
    let title = update.title ?? known ?? "tool"
    titles[update.id] = title
    var lines: [String] = []
    // An agent may say only now what it calls, or with what.
    if known == nil || update.input != nil { lines.append(start(title, update.input)) }
    lines += changes(update.content ?? [])
    switch update.status {
    case "failed": lines.append("  \(palette.paint("✗", .red)) \(clean(title))")
    case "completed" where last != update.id && known != nil: lines.append("  \(palette.paint("✓ \(clean(title))", .dim))")
    default: break
    }
    if !lines.isEmpty { last = update.id }
    return lines
  }

  private func start(_ title: String, _ input: JSONValue?) -> String {
    let detail = Self.telling.lazy.compactMap { input?[$0]?.string }.first.map(clean) ?? ""
    let shown = detail.isEmpty || title.contains(detail) ? "" : ": " + palette.paint(shortened(detail), .dim)
    return "  \(palette.paint("▸", .cyan)) \(clean(title))\(shown)"
  }

  private func changes(_ content: [ToolContent]) -> [String] {
    content.compactMap { if case .diff(let path, _, _) = $0 { "    \(palette.paint("±", .yellow)) \(clean(path))" } else { nil } }
  }

  private func shortened(_ text: String) -> String {
    text.count <= Self.detailLimit ? text : text.prefix(Self.detailLimit - 1) + "…"
  }

  private func clean(_ text: String) -> String { PrintableText.clean(text, oneLine: true) }
}
