import CCmarkGFM
import Foundation

/// GitHub-flavoured Markdown made by agents, as HTML that can do nothing: raw HTML is shown as text, addresses with active schemes
/// are dropped by the library's safe mode, and images become links, so that no page of ours asks another server for anything.
enum Markdown {
  /// The text as a list of elements, one for each top-level block: a text that grows changes only the last few.
  static func blocks(_ text: String) -> [HTML] {
    var growing = GrowingMarkdown()
    growing.append(text)
    return growing.blocks()
  }

  static func html(_ text: String) -> HTML { blocks(text).joined() }

  private static let extensions = ["table", "strikethrough", "autolink", "tasklist"]

  /// The library's registry of extensions is filled once, under the lock of a static constant.
  private static let isPrepared: Bool = {
    cmark_gfm_core_extensions_ensure_registered()
    return true
  }()

  private static let options = CMARK_OPT_DEFAULT | CMARK_OPT_VALIDATE_UTF8 | CMARK_OPT_STRIKETHROUGH_DOUBLE_TILDE

  /// Renders one segment. The library's worst cases grow with the square of its length, and a table costs its widest row times all
  /// rows even where cells are missing: `GrowingMarkdown` bounds the one, `isTableBounded` the other.
  static func render(segment text: String) -> [HTML] {
    guard isPrepared, let parser = cmark_parser_new(options) else { return [] }
    defer { cmark_parser_free(parser) }
    for name in extensions where name != "table" || isTableBounded(text) {
      if let known = cmark_find_syntax_extension(name) { cmark_parser_attach_syntax_extension(parser, known) }
    }
    var text = text
    text.withUTF8 { bytes in
      bytes.withMemoryRebound(to: CChar.self) { cmark_parser_feed(parser, $0.baseAddress, $0.count) }
    }
    guard let document = cmark_parser_finish(parser) else { return [] }
    defer { cmark_node_free(document) }
    disarm(document)
    var blocks: [HTML] = []
    var child = cmark_node_first_child(document)
    while let node = child {
      if let rendered = cmark_render_html(node, options, nil) {
        blocks.append(HTML(rendered: String(cString: rendered)))
        free(rendered)
      }
      child = cmark_node_next(node)
    }
    return blocks
  }

  /// Whether a table in `text` can have at most 20,000 cells.
  private static func isTableBounded(_ text: String) -> Bool {
    var lines = 1
    var pipes = 0
    var widest = 0
    for byte in text.utf8 {
      if byte == UInt8(ascii: "\n") {
        lines += 1
        pipes = 0
      } else if byte == UInt8(ascii: "|") {
        pipes += 1
        widest = max(widest, pipes)
      }
    }
    return widest * lines <= 20_000
  }

  /// Turns raw HTML into text and images into links.
  private static func disarm(_ document: OpaquePointer) {
    var found: [OpaquePointer] = []
    guard let iterator = cmark_iter_new(document) else { return }
    while true {
      let event = cmark_iter_next(iterator)
      if event == CMARK_EVENT_DONE { break }
      guard event == CMARK_EVENT_ENTER, let node = cmark_iter_get_node(iterator) else { continue }
      if [CMARK_NODE_HTML_BLOCK, CMARK_NODE_HTML_INLINE, CMARK_NODE_IMAGE].contains(cmark_node_get_type(node)) { found.append(node) }
    }
    cmark_iter_free(iterator)
    // Innermost first, so that an image inside another's text is replaced before the outer one is.
    for node in found.reversed() {
      switch cmark_node_get_type(node) {
      case CMARK_NODE_HTML_BLOCK: replace(node, with: CMARK_NODE_CODE_BLOCK)
      case CMARK_NODE_HTML_INLINE: replace(node, with: CMARK_NODE_TEXT)
      default: replaceImage(node)
      }
    }
  }

  private static func replace(_ node: OpaquePointer, with type: cmark_node_type) {
    guard let text = cmark_node_new(type) else { return }
    cmark_node_set_literal(text, cmark_node_get_literal(node))
    if cmark_node_replace(node, text) == 1 { cmark_node_free(node) } else { cmark_node_free(text) }
  }

  private static func replaceImage(_ image: OpaquePointer) {
    guard let link = cmark_node_new(CMARK_NODE_LINK) else { return }
    cmark_node_set_url(link, cmark_node_get_url(image))
    cmark_node_set_title(link, cmark_node_get_title(image))
    if cmark_node_first_child(image) == nil, let text = cmark_node_new(CMARK_NODE_TEXT) {
      cmark_node_set_literal(text, cmark_node_get_url(image))
      if cmark_node_append_child(link, text) == 0 { cmark_node_free(text) }
    }
    while let child = cmark_node_first_child(image) {
      // A link can't hold what an image's description may (another link): its text stays, the rest goes.
      if cmark_node_append_child(link, child) == 0 {
        cmark_node_unlink(child)
        cmark_node_free(child)
      }
    }
    if cmark_node_replace(image, link) == 1 { cmark_node_free(image) } else { cmark_node_free(link) }
  }
}
