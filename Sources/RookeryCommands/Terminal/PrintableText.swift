/// Text from agents, repositories and servers on its way to a terminal: it may not steer the terminal.
package enum PrintableText {
  /// `text` without control sequences. Line breaks and tabs stay unless it must be `oneLine`.
  package static func clean(_ text: String, oneLine: Bool = false) -> String {
    var result = String.UnicodeScalarView()
    var sequence = Sequence.none
    for scalar in text.unicodeScalars {
      sequence = sequence.after(scalar)
      guard sequence == .none else { continue }
      switch scalar {
      case "\n", "\t": result.append(oneLine ? " " : scalar)
      case "\u{1b}", "\u{9b}", "\u{7}", "\u{9c}": continue
      default:
        if isShown(scalar) { result.append(scalar) }
      }
    }
    return String(result)
  }

  private static func isShown(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .surrogate, .unassigned, .privateUse: false
    // Joiners belong to scripts and emoji; direction changes and the like only mislead.
    case .format: scalar == "\u{200d}" || scalar == "\u{200c}"
    case .lineSeparator, .paragraphSeparator: false
    default: true
    }
  }

  /// Where a scalar stands in a control sequence, so that its parameters vanish with it.
  private enum Sequence {
    case none, escape, parameters, string, stringEscape, done

    func after(_ scalar: Unicode.Scalar) -> Sequence {
      switch self {
      case .none, .done: Self.start(scalar)
      case .escape:
        switch scalar {
        case "[": .parameters
        case "]", "P", "X", "^", "_": .string
        case "\n": .none
        case "\u{1b}": .escape
        // Intermediates, then one final character.
        case " "..."/": .escape
        default: .done
        }
      case .parameters:
        switch scalar {
        case "@"..."~": .done
        case "\n", "\u{1b}": Self.start(scalar)
        default: .parameters
        }
      // A string that nobody ends is ended by its line, so that it can't swallow what follows.
      case .string: scalar == "\u{7}" || scalar == "\u{9c}" ? .done : scalar == "\u{1b}" ? .stringEscape : scalar == "\n" ? .none : .string
      case .stringEscape: scalar == "\\" ? .done : Sequence.escape.after(scalar)
      }
    }

    private static func start(_ scalar: Unicode.Scalar) -> Sequence {
      switch scalar {
      case "\u{1b}": .escape
      case "\u{9b}": .parameters
      case "\u{90}", "\u{9d}", "\u{9e}", "\u{9f}", "\u{98}": .string
      default: .none
      }
    }
  }
}
