import Foundation
import RookeryModel

/// What a program printed.
enum OutputView {
  static func block(_ output: OutputBlock, id: Int64) -> HTML {
    let text: HTML = """
      <pre id="b\(id)-c" tabindex="0">\(dropped(output, id: id))\(output.pieces.map { piece($0, id: id) })</pre>
      """
    if output.isLog { return #"<details class="block output agent-log" id="b\#(id)"><summary>The agent's log</summary>\#(text)</details>"# }
    let label = output.stream == .stdout ? "Output" : "Errors"
    return #"<div class="block output" id="b\#(id)"><p class="label">\#(label)</p>\#(text)</div>"#
  }

  static func dropped(_ output: OutputBlock, id: Int64) -> HTML {
    output.dropped == 0
      ? #"<span id="b\#(id)-d" hidden></span>"#
      : #"<span class="muted" id="b\#(id)-d">… \#(Wording.size(output.dropped)) before this are left out here\#n</span>"#
  }

  static func piece(_ piece: OutputBlock.Piece, id: Int64) -> HTML { #"<span id="b\#(id)-p\#(piece.number)">\#(piece.text)</span>"# }
}

/// A tool call: one line, and its details folded.
enum ToolView {
  /// Bytes of one text in a tool call that are shown.
  static let textLimit = 32 << 10

  static func block(_ tool: ToolBlock, id: Int64) -> HTML {
    let title = tool.title.isEmpty ? tool.kind : tool.title
    let files = tool.locations.prefix(3).map { location -> HTML in
      location.line.map { "<code>\(location.path):\($0)</code>" } ?? "<code>\(location.path)</code>"
    }
    let places: HTML =
      if files.isEmpty {
        subject(of: tool).map { "<span class=\"where\"><code>\($0)</code></span>" } ?? ""
      } else {
        tool.locations.contains { title.contains($0.path) } ? "" : "<span class=\"where\">\(files)</span>"
      }
    return """
      <details class="block tool tool-\(status(tool).mark)" id="b\(id)"><summary>\(icon(tool.kind).html)\
      <span class="title" dir="auto">\(title.prefix(300))</span>\(places)<span class="status">\(status(tool).text)</span></summary>\
      <div class="tool-body">\(body(tool, id: id))</div></details>
      """
  }

  /// What the call is about, for agents that put it into the input alone: the first line of a command, or a file.
  private static func subject(of tool: ToolBlock) -> String? {
    for key in ["command", "file_path", "path"] {
      guard let line = tool.input?[key]?.string?.split(whereSeparator: \.isNewline).first, !tool.title.contains(line) else { continue }
      return String(line.prefix(120))
    }
    return nil
  }

  private static func status(_ tool: ToolBlock) -> (text: String, mark: String) {
    switch tool.status {
    case "completed": ("done", "completed")
    case "failed": ("failed", "failed")
    case "in_progress": ("running", "running")
    case "pending": ("waiting", "pending")
    default: (String(tool.status.prefix(40)), "pending")
    }
  }

  private static func icon(_ kind: String) -> Icon {
    switch kind {
    case "read": .file
    case "edit", "delete", "move": .edit
    case "search": .search
    case "execute": .terminal
    case "fetch": .globe
    case "think": .spark
    default: .tool
    }
  }

  private static func body(_ tool: ToolBlock, id: Int64) -> HTML {
    var parts: [HTML] = []
    if let input = tool.input, input != .null, input != .object([:]) { parts.append(section("Input", input)) }
    for content in tool.content {
      switch content {
      case .text(let text): parts.append(pre(unfenced(text)))
      case .diff(let path, let old, let new):
        parts.append(DiffView.file(LineComparison.file(path: path, old: old, new: new), isOpen: true))
      }
    }
    if tool.content.isEmpty, let output = tool.output, output != .null { parts.append(section("Result", output)) }
    return parts.isEmpty ? #"<p class="muted">Nothing more is known of it.</p>"# : parts.joined()
  }

  /// A single text stands for itself; anything else is shown as JSON.
  private static func section(_ label: String, _ value: JSONValue) -> HTML {
    #"<p class="label">\#(label)</p>\#(pre(text(of: value)))"#
  }

  private static func text(of value: JSONValue) -> String {
    if let text = value.string { return text }
    if case .object(let members) = value, members.count == 1, let text = members.first?.value.string { return text }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return (try? encoder.encode(value)).map { String(decoding: $0, as: UTF8.self) } ?? ""
  }

  private static func pre(_ text: String) -> HTML {
    let plain = TerminalText.plain(text)
    guard plain.utf8.count > textLimit else { return #"<pre tabindex="0">\#(plain)</pre>"# }
    return """
      <pre tabindex="0">\(plain.prefix(textLimit))</pre>\
      <p class="muted">The first \(Wording.size(textLimit)) of \(Wording.size(plain.utf8.count)).</p>
      """
  }

  /// Agents often put a whole result into one fenced block.
  private static func unfenced(_ text: String) -> String {
    let trimmed = text.trimmingCharacters(in: .newlines)
    guard trimmed.hasPrefix("```"), trimmed.hasSuffix("```"), let first = trimmed.firstIndex(of: "\n") else { return text }
    let inner = trimmed[trimmed.index(after: first)...].dropLast(3)
    return inner.contains("```") ? text : String(inner)
  }
}

/// The agent's plan, with its entries ticked off.
enum PlanView {
  static func block(_ plan: Plan, id: Int64) -> HTML {
    let entries = plan.entries.prefix(200).map { entry -> HTML in
      let (mark, spoken): (String, String) =
        switch entry.status {
        case "completed": ("done", "done")
        case "in_progress": ("doing", "in progress")
        default: ("todo", "to do")
        }
      return
        #"<li class="\#(mark)"><span class="tick" role="img" aria-label="\#(spoken)"></span><span dir="auto">\#(entry.content)</span></li>"#
    }
    return #"<div class="block plan" id="b\#(id)"><p class="label">Plan</p><ol>\#(entries)</ol></div>"#
  }
}

/// Changes to files, in colour.
enum DiffView {
  /// Lines of one diff that are shown.
  static let lineLimit = 3000

  static func block(_ diff: UnifiedDiff, id: Int64, download: HTML) -> HTML {
    let additions = diff.files.reduce(0) { $0 + $1.additions }
    let deletions = diff.files.reduce(0) { $0 + $1.deletions }
    var room = lineLimit
    let files = diff.files.map { file -> HTML in
      defer { room = max(0, room - file.lines.count) }
      return self.file(file, isOpen: file.lines.count <= 400 && diff.files.count <= 20, limit: room)
    }
    return """
      <div class="block diff" id="b\(id)"><p class="diff-head">\(Icon.edit.html)<strong>\
      \(Wording.plural(diff.files.count, "file changed", "files changed"))</strong> \(counts(additions, deletions))\
      <span class="download">\(download)</span></p>\(files)</div>
      """
  }

  static func file(_ file: UnifiedDiff.File, isOpen: Bool, limit: Int = lineLimit) -> HTML {
    let change: HTML = file.change.isEmpty ? "" : #"<span class="change">\#(file.change)</span>"#
    let left = file.lines.count - limit
    let note: HTML = left > 0 ? #"<p class="muted">\#(Wording.plural(left, "more line is", "more lines are")) in the download.</p>"# : ""
    return """
      <details class="file"\(isOpen ? " open" : "" as HTML)><summary><code>\(file.path)</code>\(change)\
      \(counts(file.additions, file.deletions))</summary>\
      <div class="lines" tabindex="0" role="group" aria-label="Changes to \(file.path)">\
      <code>\(file.lines.prefix(max(0, limit)).map(line))</code></div>\(note)</details>
      """
  }

  private static func line(_ line: UnifiedDiff.Line) -> HTML {
    let sign: HTML =
      switch line.kind {
      case .added: "+"
      case .removed: "−"
      default: " "
      }
    return #"<span class="l \#(line.kind.rawValue)"><span class="sign">\#(sign)</span>\#(line.text)\#n</span>"#
  }

  static func counts(_ additions: Int, _ deletions: Int) -> HTML {
    """
    <span class="counts"><span class="plus" aria-label="\(additions) added">+\(additions)</span> \
    <span class="minus" aria-label="\(deletions) removed">−\(deletions)</span></span>
    """
  }
}
