/// Colours, where they are wanted.
package struct Palette: Sendable, Equatable {
  package enum Colour: String, Sendable {
    case bold = "1"
    case dim = "2"
    case red = "31"
    case green = "32"
    case yellow = "33"
    case blue = "34"
    case magenta = "35"
    case cyan = "36"
  }

  package let isColoured: Bool

  package init(isColoured: Bool) { self.isColoured = isColoured }

  /// `text` in `colours`, or as it is.
  package func paint(_ text: String, _ colours: Colour...) -> String {
    guard isColoured, !text.isEmpty else { return text }
    return "\u{1b}[\(colours.map(\.rawValue).joined(separator: ";"))m\(text)\u{1b}[0m"
  }
}
