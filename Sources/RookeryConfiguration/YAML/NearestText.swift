/// Finds what somebody probably meant.
enum NearestText {
  /// The candidate that is a typing error or two away from `text`, or begins with it; nil when none does.
  static func nearest(to text: String, in candidates: [String]) -> String? {
    guard text.utf8.count <= 64 else { return nil }
    let normal = normalised(text)
    let best =
      candidates
      .map { (candidate: $0, distance: distance(normal, normalised($0))) }
      .min { ($0.distance, $0.candidate) < ($1.distance, $1.candidate) }
    if let best, best.distance <= max(1, normal.count / 3) { return best.candidate }
    return normal.count < 3 ? nil : candidates.sorted().first { normalised($0).starts(with: normal) }
  }

  /// `memoryMB`, `Memory-MB` and `memory_mb` are the same word.
  private static func normalised(_ text: String) -> [Character] {
    text.lowercased().filter { $0 != "_" && $0 != "-" && $0 != " " }
  }

  /// Insertions, deletions, replacements and exchanges of neighbours between two words.
  private static func distance(_ left: [Character], _ right: [Character]) -> Int {
    guard !left.isEmpty, !right.isEmpty else { return max(left.count, right.count) }
    var before: [Int] = []
    var previous = Array(0...right.count)
    for row in 1...left.count {
      var current = [row]
      for column in 1...right.count {
        let replaced = previous[column - 1] + (left[row - 1] == right[column - 1] ? 0 : 1)
        var cost = min(previous[column] + 1, current[column - 1] + 1, replaced)
        if row > 1, column > 1, left[row - 1] == right[column - 2], left[row - 2] == right[column - 1] {
          cost = min(cost, before[column - 2] + 1)
        }
        current.append(cost)
      }
      before = previous
      previous = current
    }
    return previous[right.count]
  }
}
