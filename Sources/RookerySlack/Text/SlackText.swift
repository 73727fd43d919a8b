import Foundation

/// Slack's own marks in what people write, and escaping for what we write.
package enum SlackText {
  /// What must be escaped in any text of ours: without it, other people's words could call a whole channel.
  package static func escape(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
  }

  /// What a person wrote, as they saw it. `bot` is our own user id, whose mention is left out.
  ///
  /// `names` gives people's names by id; an unknown one stays its id.
  package static func plain(_ text: String, bot: String, names: [String: String] = [:]) -> String {
    var result = ""
    var rest = Substring(text)
    while let open = rest.firstIndex(of: "<") {
      result += rest[..<open]
      guard let close = rest[open...].firstIndex(of: ">") else {
        rest = rest[open...]
        break
      }
      result += mark(rest[rest.index(after: open)..<close], bot: bot, names: names)
      rest = rest[rest.index(after: close)...]
    }
    result += rest
    return unescape(result).trimmingCharacters(in: .whitespacesAndNewlines)
  }

  private static func mark(_ content: Substring, bot: String, names: [String: String]) -> String {
    let parts = content.split(separator: "|", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    let (target, label) = (parts[0], parts.count > 1 ? parts[1] : nil)
    switch target.first {
    case "@":
      let id = String(target.dropFirst())
      return id == bot ? "" : "@" + (names[id] ?? label ?? id)
    case "#": return "#" + (label.flatMap { $0.isEmpty ? nil : $0 } ?? String(target.dropFirst()))
    case "!": return label ?? "@" + target.dropFirst().split(separator: "^")[0]
    default:
      let isShown = label == nil || label == target || target.hasPrefix("mailto:") || target.hasSuffix("://" + (label ?? ""))
      if target.hasPrefix("mailto:") { return label ?? String(target.dropFirst(7)) }
      return isShown ? target : "\(label ?? "") (\(target))"
    }
  }

  private static func unescape(_ text: String) -> String {
    text.replacing("&lt;", with: "<").replacing("&gt;", with: ">").replacing("&amp;", with: "&")
  }

  /// Ids of the people whom a text mentions, in order.
  package static func mentions(_ text: String) -> [String] {
    text.matches(of: /<@([UW][A-Z0-9]+)(\|[^>]*)?>/).map { String($0.1) }
  }

  /// The person whom a text addresses by beginning with a mention.
  package static func addressee(_ text: String) -> String? {
    text.prefixMatch(of: /\s*<@([UW][A-Z0-9]+)(\|[^>]*)?>/).map { String($0.1) }
  }

  /// `text` within `limit` characters, with an ellipsis where it was cut.
  package static func clip(_ text: String, to limit: Int) -> String {
    text.unicodeScalars.count <= limit ? text : String(String.UnicodeScalarView(text.unicodeScalars.prefix(max(0, limit - 1)))) + "…"
  }

  /// As long as Slack counts it: in UTF-16 units, the strictest of the measures that are met.
  package static func length(_ text: String) -> Int { text.utf16.count }
}
