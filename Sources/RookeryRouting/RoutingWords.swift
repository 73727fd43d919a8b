import Foundation

/// A text as a row of comparable words: lower case, without accents, endings cut off.
struct RoutingWords: Sendable, Equatable {
  let words: [String]

  /// Bytes of a text that are looked at; what comes later changes nothing.
  private static let limit = 20_000

  init(_ text: String) {
    let plain = text.prefix(Self.limit).lowercased().folding(options: .diacriticInsensitive, locale: nil)
    words = plain.unicodeScalars.split { !CharacterSet.alphanumerics.contains($0) }.map { Self.stem(String($0)) }
  }

  /// `words` must be stemmed already.
  init(words: [String]) { self.words = words }

  /// Cuts the commonest English endings off; crude, and the same for both sides of a comparison.
  static func stem(_ word: String) -> String {
    if word.count > 8, word.hasSuffix("ation") { return String(word.dropLast(5)) }
    if word.count > 3, word.hasSuffix("s"), !word.hasSuffix("ss"), !word.hasSuffix("us"), !word.hasSuffix("is") {
      return String(word.dropLast())
    }
    return word
  }

  /// Whether the words of `phrase` stand here one after another.
  func contains(_ phrase: RoutingWords) -> Bool {
    guard let first = phrase.words.first, phrase.words.count <= words.count else { return false }
    return words.indices.contains { start in
      words[start] == first && words[start...].starts(with: phrase.words)
    }
  }

  /// Words that say nothing about what is meant.
  static let empty: Set<String> = Set(
    """
    a about add after again all also an and any app are as at be because before but by can change could do does fix for from get give go had \
    has have how i if in into is it its let like make me my new no not now of on one only or our out please receive see should since so some \
    that the their them then there these they this those to too up update us use very want was we what when where which while who why will \
    with without would you your everything both either
    """.split(separator: " ").map { stem(String($0)) }
  ).subtracting(["app"])

  /// What people say without wanting anything done.
  static let smallTalk: Set<String> = Set(
    """
    thank thanks thx ok okay lol haha hi hello hey good morning evening night cool nice great perfect never mind nevermind sorry yes no \
    bye done you so much
    """.split(separator: " ").map { stem(String($0)) })
}
