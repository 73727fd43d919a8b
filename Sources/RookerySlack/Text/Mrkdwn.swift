import CCmarkGFM
import Foundation

/// Markdown made by agents, in Slack's own dialect: the parsed document is written anew, block by block.
///
/// Slack knows no headings, tables, nested quotes or images: headings become bold lines, tables preformatted columns, images links. Every
/// text is escaped, so that nothing in it can mention a channel.
package enum Mrkdwn {
  /// Bytes that are translated at most.
  private static let limit = 64 << 10
  private static let extensions = ["table", "strikethrough", "autolink", "tasklist"]

  /// The library's registry of extensions is filled once, under the lock of a static constant.
  private static let isPrepared: Bool = {
    cmark_gfm_core_extensions_ensure_registered()
    return true
  }()

  /// One text for each top-level block.
  package static func blocks(_ markdown: String) -> [String] {
    var text = SlackText.clip(String(decoding: markdown.utf8.prefix(limit), as: UTF8.self), to: limit)
    guard isPrepared, let parser = cmark_parser_new(CMARK_OPT_DEFAULT | CMARK_OPT_VALIDATE_UTF8) else { return [] }
    defer { cmark_parser_free(parser) }
    for name in extensions {
      if let known = cmark_find_syntax_extension(name) { cmark_parser_attach_syntax_extension(parser, known) }
    }
    text.withUTF8 { bytes in
      bytes.withMemoryRebound(to: CChar.self) { cmark_parser_feed(parser, $0.baseAddress, $0.count) }
    }
    guard let document = cmark_parser_finish(parser) else { return [] }
    defer { cmark_node_free(document) }
    return children(document).compactMap { node in
      let block = MrkdwnWriter().block(node)
      return block.isEmpty ? nil : block
    }
  }

  package static func text(_ markdown: String) -> String { blocks(markdown).joined(separator: "\n\n") }

  typealias Node = OpaquePointer

  static func children(_ node: Node) -> [Node] {
    var result: [Node] = []
    var child = cmark_node_first_child(node)
    while let node = child {
      result.append(node)
      child = cmark_node_next(node)
    }
    return result
  }

  static func literal(_ node: Node) -> String { cmark_node_get_literal(node).map { String(cString: $0) } ?? "" }
  static func kind(_ node: Node) -> String { cmark_node_get_type_string(node).map { String(cString: $0) } ?? "" }
}

/// Writes nodes of a document.
struct MrkdwnWriter {
  /// Lists and quotes inside one another that are shown as such.
  private static let depthLimit = 8

  func block(_ node: Mrkdwn.Node, depth: Int = 0) -> String {
    guard depth < Self.depthLimit else { return SlackText.escape(plain(node, depth: 0)) }
    switch Mrkdwn.kind(node) {
    case "paragraph": return inlines(node)
    case "heading":
      // Bold inside bold would end it.
      let text = SlackText.escape(plain(node, depth: 0))
      return text.isEmpty ? "" : "*\(text)*"
    case "code_block": return fence(Mrkdwn.literal(node))
    case "html_block": return SlackText.escape(Mrkdwn.literal(node).trimmingCharacters(in: .newlines))
    case "thematic_break": return "———"
    case "block_quote":
      let inner = Mrkdwn.children(node).map { block($0, depth: depth + 1) }.joined(separator: "\n\n")
      return inner.split(separator: "\n", omittingEmptySubsequences: false).map { "> \($0)" }.joined(separator: "\n")
    case "list": return list(node, depth: depth)
    case "table": return table(node)
    default: return Mrkdwn.children(node).map { block($0, depth: depth + 1) }.joined(separator: "\n")
    }
  }

  private func fence(_ code: String) -> String {
    // A fence can't be escaped: an invisible character keeps one inside from ending it.
    let safe = SlackText.escape(code).replacing("```", with: "``\u{200b}`")
    return "```\n\(safe.hasSuffix("\n") ? safe : safe + "\n")```"
  }

  private func list(_ node: Mrkdwn.Node, depth: Int) -> String {
    let isOrdered = cmark_node_get_list_type(node) == CMARK_ORDERED_LIST
    var number = Int(cmark_node_get_list_start(node))
    return Mrkdwn.children(node).map { item in
      var mark = isOrdered ? "\(number)." : depth.isMultiple(of: 2) ? "•" : "◦"
      number += 1
      if Mrkdwn.kind(item) == "tasklist" { mark = cmark_gfm_extensions_get_tasklist_item_checked(item) ? "☑" : "☐" }
      let lines = Mrkdwn.children(item).map { block($0, depth: depth + 1) }.joined(separator: "\n").split(
        separator: "\n", omittingEmptySubsequences: false)
      let indent = String(repeating: " ", count: 4)
      return lines.enumerated().map { $0.offset == 0 ? "\(mark) \($0.element)" : indent + $0.element }.joined(separator: "\n")
    }.joined(separator: "\n")
  }

  /// Columns of equal width in a preformatted block.
  private func table(_ node: Mrkdwn.Node) -> String {
    let rows = Mrkdwn.children(node).prefix(200).map { row in Mrkdwn.children(row).prefix(20).map { plain($0, depth: 0) } }
    var widths: [Int] = []
    for row in rows {
      for (column, cell) in row.enumerated() {
        if column == widths.count { widths.append(0) }
        widths[column] = max(widths[column], min(cell.count, 40))
      }
    }
    let lines = rows.map { row in
      row.enumerated().map { column, cell in
        cell + String(repeating: " ", count: max(0, widths[column] - cell.count))
      }.joined(separator: "  ")
    }
    return fence(lines.map { $0.replacing(#/ +$/#, with: "") }.joined(separator: "\n"))
  }

  private func inlines(_ node: Mrkdwn.Node) -> String { Mrkdwn.children(node).map { inline($0) }.joined() }

  private func inline(_ node: Mrkdwn.Node, depth: Int = 0) -> String {
    guard depth < Self.depthLimit else { return SlackText.escape(plain(node, depth: 0)) }
    func inner() -> String { Mrkdwn.children(node).map { inline($0, depth: depth + 1) }.joined() }
    switch Mrkdwn.kind(node) {
    case "text", "html_inline": return SlackText.escape(Mrkdwn.literal(node))
    case "softbreak", "linebreak": return "\n"
    case "code":
      let code = SlackText.escape(Mrkdwn.literal(node)).replacing("`", with: "ˋ")
      return code.isEmpty ? "" : "`\(code)`"
    case "emph": return marked(inner(), "_")
    case "strong": return marked(inner(), "*")
    case "strikethrough": return marked(inner(), "~")
    case "link": return link(node, inner())
    case "image": return link(node, inner())
    case "footnote_reference": return ""
    default: return inner()
    }
  }

  /// Slack's marks hold within a line and next to no space.
  private func marked(_ text: String, _ mark: String) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      let core = line.trimmingCharacters(in: .whitespaces)
      return core.isEmpty ? String(line) : "\(mark)\(core)\(mark)"
    }.joined(separator: "\n")
  }

  /// Only addresses that a browser opens; anything else stays text.
  private func link(_ node: Mrkdwn.Node, _ label: String) -> String {
    let address = cmark_node_get_url(node).map { String(cString: $0) } ?? ""
    let lower = address.lowercased()
    guard lower.hasPrefix("https://") || lower.hasPrefix("http://") || lower.hasPrefix("mailto:"),
      !address.contains(where: { $0.isWhitespace || "<>|".contains($0) })
    else { return label }
    let target = SlackText.escape(address)
    let text = plainLabel(label)
    return text.isEmpty || text == target ? "<\(target)>" : "<\(target)|\(text)>"
  }

  /// A label can hold no mark that would end the link.
  private func plainLabel(_ label: String) -> String {
    label.replacing(/<([^|>]*)(\|([^>]*))?>/) { String($0.3 ?? $0.1) }.replacing("|", with: "¦").replacing("\n", with: " ")
  }

  /// Text without marks, not escaped.
  private func plain(_ node: Mrkdwn.Node, depth: Int) -> String {
    switch Mrkdwn.kind(node) {
    case "text", "code", "html_inline", "code_block", "html_block": return Mrkdwn.literal(node)
    case "softbreak", "linebreak": return " "
    default: return depth > 40 ? "" : Mrkdwn.children(node).map { plain($0, depth: depth + 1) }.joined()
    }
  }
}
