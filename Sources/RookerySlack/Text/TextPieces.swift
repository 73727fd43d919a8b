import Foundation

/// Cuts long texts so that every piece stands by itself.
package enum TextPieces {
  /// `blocks` in pieces of at most `limit` characters: whole blocks where they fit, cut at lines where one does not, a fence that is cut
  /// closed and opened again.
  package static func split(_ blocks: [String], limit: Int) -> [String] {
    var pieces: [String] = []
    var current = ""
    for block in blocks.flatMap({ parts(of: $0, limit: limit) }) {
      if !current.isEmpty, SlackText.length(current) + 2 + SlackText.length(block) <= limit {
        current += "\n\n" + block
      } else {
        if !current.isEmpty { pieces.append(current) }
        current = block
      }
    }
    if !current.isEmpty { pieces.append(current) }
    return pieces
  }

  private static func parts(of block: String, limit: Int) -> [String] {
    guard SlackText.length(block) > limit else { return [block] }
    let isFenced = block.hasPrefix("```") && block.hasSuffix("```")
    let content = isFenced ? String(block.dropFirst(3).dropLast(3)) : block
    // Room for what a cut fence gets at both ends.
    let room = limit - (isFenced ? 10 : 0)
    var parts: [String] = []
    var current = ""
    for line in content.split(separator: "\n", omittingEmptySubsequences: !isFenced ? false : true) {
      for piece in chunks(String(line), limit: room) {
        if !current.isEmpty, SlackText.length(current) + 1 + SlackText.length(piece) > room {
          parts.append(current)
          current = ""
        }
        current += (current.isEmpty ? "" : "\n") + piece
      }
    }
    if !current.isEmpty { parts.append(current) }
    return isFenced ? parts.map { "```\n\($0)\n```" } : parts
  }

  /// Never inside a character, nor inside an escape.
  private static func chunks(_ line: String, limit: Int) -> [String] {
    guard SlackText.length(line) > limit else { return [line] }
    var result: [String] = []
    var current = ""
    var length = 0
    var rest = Substring(line)
    while let character = rest.first {
      let escape = ["&amp;", "&lt;", "&gt;"].first { rest.hasPrefix($0) }
      let unit = escape ?? String(character)
      if length + unit.utf16.count > limit {
        result.append(current)
        (current, length) = ("", 0)
      }
      current += unit
      length += unit.utf16.count
      rest = rest.dropFirst(unit.count)
    }
    if !current.isEmpty { result.append(current) }
    return result
  }
}
