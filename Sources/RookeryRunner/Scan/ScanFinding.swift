/// One thing that a scan tells, a line each: its kind, what it is, and where, set apart by tabs.
package enum ScanFinding: Sendable, Equatable {
  /// A secret that the server knows.
  case known(String, String)
  /// A token or key by its form.
  case format(String, String)
  /// A file in which programs keep credentials, with one in it.
  case store(String, String)
  /// Could not be looked through.
  case unreadable(String, Int32)
  /// The index of a pack of git objects, which only git can unpack.
  case pack(String)
  /// The end: how much was looked through.
  case done(files: Int, bytes: Int)

  package var line: String {
    switch self {
    case .known(let label, let path): "known\t\(label)\t\(Self.escaped(path))"
    case .format(let label, let path): "format\t\(label)\t\(Self.escaped(path))"
    case .store(let label, let path): "store\t\(label)\t\(Self.escaped(path))"
    case .unreadable(let path, let error): "unreadable\t\(error)\t\(Self.escaped(path))"
    case .pack(let path): "pack\t-\t\(Self.escaped(path))"
    case .done(let files, let bytes): "done\t\(files)\t\(bytes)"
    }
  }

  package init?(_ line: String) {
    let fields = line.split(separator: "\t" as Character, maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
    guard fields.count == 3 else { return nil }
    let path = Self.plain(fields[2])
    switch fields[0] {
    case "known": self = .known(fields[1], path)
    case "format": self = .format(fields[1], path)
    case "store": self = .store(fields[1], path)
    case "unreadable": self = .unreadable(path, Int32(fields[1]) ?? 0)
    case "pack": self = .pack(path)
    case "done":
      guard let files = Int(fields[1]), let bytes = Int(fields[2]) else { return nil }
      self = .done(files: files, bytes: bytes)
    default: return nil
    }
  }

  /// Names may hold tabs and line breaks.
  private static func escaped(_ path: String) -> String {
    var text = ""
    for scalar in path.unicodeScalars {
      switch scalar {
      case "\\": text += "\\\\"
      case "\t": text += "\\t"
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text
  }

  private static func plain(_ text: String) -> String {
    var path = ""
    var isEscaped = false
    for scalar in text.unicodeScalars {
      switch (isEscaped, scalar) {
      case (false, "\\"): isEscaped = true
      case (true, "t"): (path, isEscaped) = (path + "\t", false)
      case (true, "n"): (path, isEscaped) = (path + "\n", false)
      case (true, "r"): (path, isEscaped) = (path + "\r", false)
      default:
        path.unicodeScalars.append(scalar)
        isEscaped = false
      }
    }
    return path
  }
}
