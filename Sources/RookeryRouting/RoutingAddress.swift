import RookeryModel

/// Ways in which people write down a repository itself.
package enum RoutingAddress {
  /// Whether `text` holds `owner/NAME` as in a forge's address: `https://host/owner/NAME/pull/4`, `owner/NAME#4`.
  static func names(_ name: RepositoryName, in text: String) -> Bool {
    for piece in text.lowercased().split(whereSeparator: { $0.isWhitespace || "<>|()[],;\"'".contains($0) }) {
      // `a/b/c` is as often a path of files as an address: without a host it takes exactly owner/name.
      let isURL = piece.hasPrefix("http://") || piece.hasPrefix("https://") || piece.hasPrefix("git@")
      let parts = piece.split(whereSeparator: { "/#?".contains($0) }).map { part in
        part.hasSuffix(".git") ? part.dropLast(4) : part
      }
      let index = isURL ? (piece.hasPrefix("git@") ? 1 : 3) : 1
      if parts.count > index, parts[index] == name.rawValue, isURL || piece.contains("#") || parts.count == 2 { return true }
    }
    return false
  }

  /// The repository that a message begins with: `in NAME …`, `in NAME: …`, `NAME: …`, and what follows.
  package static func prefix(of message: String, among names: Set<RepositoryName>) -> (name: RepositoryName, rest: String)? {
    let text = message.drop(while: \.isWhitespace)
    var words = text.split(maxSplits: 2, omittingEmptySubsequences: true, whereSeparator: \.isWhitespace)[...]
    guard let first = words.first else { return nil }
    let hasIn = first.lowercased() == "in"
    if hasIn { words = words.dropFirst() }
    guard let word = words.first else { return nil }
    let stripped = word.trimming { "`*_,:".contains($0) }
    guard let name = RepositoryName(rawValue: stripped.lowercased()), names.contains(name), hasIn || word.hasSuffix(":") else {
      return nil
    }
    let rest = text[word.endIndex...].drop { $0.isWhitespace || $0 == ":" || $0 == "," }
    return (name, String(rest))
  }
}

extension Substring {
  fileprivate func trimming(_ isOut: (Character) -> Bool) -> Substring {
    var text = drop(while: isOut)
    while let last = text.last, isOut(last) { text.removeLast() }
    return text
  }
}
