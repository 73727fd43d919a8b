/// Two versions of a text as the lines of a diff, three lines of context around each change.
enum LineComparison {
  /// Lines on either side beyond which only the new version is shown: comparing costs their product.
  static let limit = 2000
  private static let context = 3

  static func file(path: String, old: String?, new: String) -> UnifiedDiff.File {
    var file = UnifiedDiff.File(path: path)
    let newLines = lines(new)
    guard let old else {
      file.change = "new"
      file.additions = newLines.count
      file.lines = newLines.map { UnifiedDiff.Line(kind: .added, text: String($0)) }
      return file
    }
    let oldLines = lines(old)
    guard oldLines.count <= limit, newLines.count <= limit else {
      file.lines =
        [UnifiedDiff.Line(kind: .note, text: "Too long to compare; the new version:")]
        + newLines.map { UnifiedDiff.Line(kind: .context, text: String($0)) }
      return file
    }
    let all = merged(oldLines, newLines)
    file.additions = all.count { $0.kind == .added }
    file.deletions = all.count { $0.kind == .removed }
    file.lines = withContext(all)
    return file
  }

  private static func lines(_ text: String) -> [Substring] {
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    if lines.last == "" { lines.removeLast() }
    return lines
  }

  private static func merged(_ old: [Substring], _ new: [Substring]) -> [UnifiedDiff.Line] {
    let difference = new.difference(from: old)
    var removed = Set<Int>()
    var added = Set<Int>()
    for change in difference {
      switch change {
      case .remove(let offset, _, _): removed.insert(offset)
      case .insert(let offset, _, _): added.insert(offset)
      }
    }
    var result: [UnifiedDiff.Line] = []
    var left = 0
    var right = 0
    while left < old.count || right < new.count {
      if left < old.count, removed.contains(left) {
        result.append(UnifiedDiff.Line(kind: .removed, text: String(old[left])))
        left += 1
      } else if right < new.count, added.contains(right) {
        result.append(UnifiedDiff.Line(kind: .added, text: String(new[right])))
        right += 1
      } else {
        if right < new.count { result.append(UnifiedDiff.Line(kind: .context, text: String(new[right]))) }
        left += 1
        right += 1
      }
    }
    return result
  }

  private static func withContext(_ all: [UnifiedDiff.Line]) -> [UnifiedDiff.Line] {
    var shown = Set<Int>()
    for (index, line) in all.enumerated() where line.kind != .context {
      shown.formUnion(max(0, index - context)...min(all.count - 1, index + context))
    }
    var result: [UnifiedDiff.Line] = []
    var previous = -1
    for index in shown.sorted() {
      if index > previous + 1 { result.append(UnifiedDiff.Line(kind: .hunk, text: "⋯")) }
      result.append(all[index])
      previous = index
    }
    return result
  }
}
