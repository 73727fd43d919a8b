/// A unified diff as git prints it, taken apart for display. Whatever doesn't look like one is kept as text lines.
struct UnifiedDiff: Sendable, Equatable {
  enum LineKind: String, Sendable { case added, removed, context, hunk, note }

  struct Line: Sendable, Equatable {
    var kind: LineKind
    /// Without the sign in front.
    var text: String
  }

  struct File: Sendable, Equatable {
    var path: String
    /// `new`, `deleted`, `renamed`, `binary` or empty.
    var change = ""
    var lines: [Line] = []
    var additions = 0
    var deletions = 0
  }

  private(set) var files: [File] = []

  init(_ text: String) {
    // Lines that the current hunk still needs from the old and the new side: inside a hunk, `--- x` is a removed line.
    var old = 0
    var new = 0
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      if old > 0 || new > 0, !files.isEmpty, readInHunk(line, &old, &new) { continue }
      readHeader(line, &old, &new)
    }
  }

  private mutating func readInHunk(_ line: Substring, _ old: inout Int, _ new: inout Int) -> Bool {
    let last = files.count - 1
    switch line.first {
    case "+" where new > 0:
      new -= 1
      files[last].additions += 1
      files[last].lines.append(Line(kind: .added, text: String(line.dropFirst())))
    case "-" where old > 0:
      old -= 1
      files[last].deletions += 1
      files[last].lines.append(Line(kind: .removed, text: String(line.dropFirst())))
    case " ", nil:
      old -= 1
      new -= 1
      files[last].lines.append(Line(kind: .context, text: String(line.dropFirst())))
    case "\\":
      files[last].lines.append(Line(kind: .note, text: String(line.dropFirst(2))))
    default:
      old = 0
      new = 0
      return false
    }
    return true
  }

  private mutating func readHeader(_ line: Substring, _ old: inout Int, _ new: inout Int) {
    if line.hasPrefix("diff --git ") {
      files.append(File(path: Self.path(inGitLine: line)))
      return
    }
    guard !files.isEmpty else {
      if line.hasPrefix("+++ ") { files.append(File(path: Self.path(inName: line))) }
      return
    }
    let last = files.count - 1
    if line.hasPrefix("@@") {
      (old, new) = Self.counts(inHunk: line)
      files[last].lines.append(Line(kind: .hunk, text: String(line)))
    } else if line.hasPrefix("new file") {
      files[last].change = "new"
    } else if line.hasPrefix("deleted file") {
      files[last].change = "deleted"
    } else if line.hasPrefix("rename to ") {
      files[last].change = "renamed"
      files[last].path = String(line.dropFirst("rename to ".count))
    } else if line.hasPrefix("Binary files") || line.hasPrefix("GIT binary patch") {
      files[last].change = "binary"
    } else if line.hasPrefix("+++ "), !line.hasSuffix("/dev/null") {
      files[last].path = Self.path(inName: line)
    } else if line.hasPrefix("\\") {
      files[last].lines.append(Line(kind: .note, text: String(line.dropFirst(2))))
    }
  }

  /// `diff --git a/x b/x`: the part behind the last ` b/`.
  private static func path(inGitLine line: Substring) -> String {
    let rest = line.dropFirst("diff --git ".count)
    guard let range = rest.lastRange(of: " b/") else { return String(rest) }
    return String(rest[range.upperBound...])
  }

  private static func path(inName line: Substring) -> String {
    let name = line.dropFirst(4)
    return String(name.hasPrefix("b/") ? name.dropFirst(2) : name)
  }

  /// `@@ -1,3 +1,4 @@`: how many lines of each side follow.
  private static func counts(inHunk line: Substring) -> (Int, Int) {
    let parts = line.split(separator: " ")
    func count(_ part: Substring) -> Int {
      let numbers = part.dropFirst().split(separator: ",")
      return numbers.count > 1 ? Int(numbers[1]) ?? 0 : 1
    }
    guard parts.count >= 3 else { return (0, 0) }
    return (count(parts[1]), count(parts[2]))
  }
}

extension Substring {
  fileprivate func lastRange(of text: String) -> Range<Index>? { ranges(of: text).last }
}
