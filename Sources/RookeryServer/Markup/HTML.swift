import RookeryModel

/// HTML whose every piece is either a literal of ours or escaped text.
///
/// String literals are taken as markup; what is interpolated is escaped, unless it is `HTML` itself:
///
///     let line: HTML = "<li title=\"\(untrusted)\">\(untrusted)</li>"
///
/// Attribute values are always quoted, and addresses in them come from `link:`, which lets only `http`, `https` and paths of ours through.
struct HTML: Sendable, Equatable, ExpressibleByStringInterpolation {
  private(set) var text: String

  init(stringLiteral value: String) { text = value }
  init(stringInterpolation interpolation: StringInterpolation) { text = interpolation.text }

  /// Markup that another renderer made safe.
  init(rendered text: String) { self.text = text }

  /// Text, escaped.
  init(escaping value: some StringProtocol) {
    text = ""
    Self.appendEscaped(value, to: &text)
  }

  static let empty: HTML = ""
  var isEmpty: Bool { text.isEmpty }

  static func + (left: HTML, right: HTML) -> HTML { HTML(rendered: left.text + right.text) }
  static func += (left: inout HTML, right: HTML) { left.text += right.text }

  struct StringInterpolation: StringInterpolationProtocol {
    var text: String

    init(literalCapacity: Int, interpolationCount: Int) {
      text = ""
      text.reserveCapacity(literalCapacity + 16 * interpolationCount)
    }

    mutating func appendLiteral(_ literal: String) { text += literal }
    mutating func appendInterpolation(_ html: HTML) { text += html.text }
    mutating func appendInterpolation(_ parts: [HTML]) { for part in parts { text += part.text } }
    mutating func appendInterpolation(_ value: some StringProtocol) { HTML.appendEscaped(value, to: &text) }
    mutating func appendInterpolation(_ value: some BinaryInteger) { text += String(value) }
    mutating func appendInterpolation<Kind>(_ value: Identifier<Kind>) { HTML.appendEscaped(value.rawValue, to: &text) }

    /// An address for `href`: `http`, `https`, or a path on this server. Anything else becomes `#`.
    mutating func appendInterpolation(link: String) { HTML.appendEscaped(HTML.isSafe(link: link) ? link : "#", to: &text) }
  }

  static func isSafe(link: String) -> Bool {
    let lower = link.lowercased()
    if lower.hasPrefix("https://") || lower.hasPrefix("http://") { return true }
    return link.hasPrefix("/") && !link.hasPrefix("//") && !link.hasPrefix("/\\")
  }

  private static func appendEscaped(_ value: some StringProtocol, to text: inout String) {
    // By bytes: everything special is ASCII, and whole stretches between are copied at once.
    var start = value.utf8.startIndex
    var index = start
    while index < value.utf8.endIndex {
      let replacement: String? =
        switch value.utf8[index] {
        case UInt8(ascii: "&"): "&amp;"
        case UInt8(ascii: "<"): "&lt;"
        case UInt8(ascii: ">"): "&gt;"
        case UInt8(ascii: "\""): "&quot;"
        case UInt8(ascii: "'"): "&#39;"
        case 0: "\u{fffd}"
        default: nil
        }
      let after = value.utf8.index(after: index)
      if let replacement {
        text += value[start..<index]
        text += replacement
        start = after
      }
      index = after
    }
    text += value[start..<value.utf8.endIndex]
  }
}

extension [HTML] {
  func joined() -> HTML { HTML(rendered: map(\.text).joined()) }
}
