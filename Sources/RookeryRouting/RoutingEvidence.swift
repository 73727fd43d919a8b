import Foundation
import RookeryModel

/// How strongly a text speaks for each repository, and by which of its words.
struct RoutingEvidence: Sendable {
  /// Points by repository; absent: none.
  private(set) var points: [RepositoryName: Double] = [:]
  private(set) var words: [RepositoryName: [String]] = [:]
  /// Repositories that the text names in full.
  private(set) var named: Set<RepositoryName> = []
  /// Repositories for which more speaks than parts of names and words of descriptions: those alone never begin work, however many.
  private(set) var grounded: Set<RepositoryName> = []

  /// What each kind of word is worth. One hint is enough to begin; one word of a description is not.
  enum Worth {
    static let address = 12.0
    static let fullName = 10.0
    /// A name of one word is a word of the language, too.
    static let oneWordName = 7.0
    static let hint = 5.0
    static let namePart = 3.0
    static let descriptionWord = 2.5
    static let descriptionLimit = 5.0
  }

  mutating func add(_ amount: Double, to name: RepositoryName, because word: String) {
    points[name, default: 0] += amount
    words[name, default: []].append(word)
  }

  /// Points of the best and of the second.
  func best(_ total: [RepositoryName: Double]? = nil) -> [(name: RepositoryName, points: Double)] {
    (total ?? points).filter { $0.value > 0 }.map { ($0.key, $0.value) }
      .sorted { ($0.1, $1.0.rawValue) > ($1.1, $0.0.rawValue) }
  }
}

/// The words of every candidate, prepared once for all texts of a question.
struct RoutingLexicon: Sendable {
  private struct Entry: Sendable {
    let name: RepositoryName
    let nameWords: RoutingWords
    let hints: [(text: String, words: RoutingWords)]
    let description: Set<String>
  }
  private let entries: [Entry]
  /// In how many repositories' names, hints or descriptions a word stands.
  private let spread: [String: Int]

  init(_ candidates: [RoutingQuestion.Candidate]) {
    entries = candidates.map { candidate in
      Entry(
        name: candidate.name, nameWords: RoutingWords(candidate.name.rawValue),
        hints: candidate.hints.prefix(100).map { ($0, RoutingWords($0)) },
        description: Set(RoutingWords(candidate.description).words.filter { $0.count > 2 }).subtracting(RoutingWords.empty))
    }
    var spread: [String: Int] = [:]
    for entry in entries {
      let all = entry.description.union(entry.nameWords.words).union(entry.hints.flatMap(\.words.words))
      for word in all { spread[word, default: 0] += 1 }
    }
    self.spread = spread
  }

  /// What `text` says. Each of its words counts once for a repository, for the most that it is worth.
  func evidence(in text: String) -> RoutingEvidence {
    let words = RoutingWords(text)
    // A directory that is called like a repository is none.
    let prose = RoutingWords(text.split(whereSeparator: \.isWhitespace).filter { !$0.contains("/") }.joined(separator: " "))
    let present = Set(words.words)
    var result = RoutingEvidence()
    for entry in entries {
      var used: Set<String> = []
      addName(of: entry, in: text, prose, to: &result, used: &used)
      for hint in entry.hints where words.contains(hint.words) && !Set(hint.words.words).isSubset(of: used) {
        used.formUnion(hint.words.words)
        result.add(RoutingEvidence.Worth.hint, to: entry.name, because: hint.text)
        result.ground(entry.name)
      }
      for word in Set(entry.nameWords.words).intersection(present).subtracting(used).sorted() where !RoutingWords.empty.contains(word) {
        used.insert(word)
        result.add(RoutingEvidence.Worth.namePart / rarity(word), to: entry.name, because: word)
      }
      var left = RoutingEvidence.Worth.descriptionLimit
      for word in entry.description.intersection(present).subtracting(used).sorted() where left > 0 {
        let amount = min(left, RoutingEvidence.Worth.descriptionWord / rarity(word))
        left -= amount
        result.add(amount, to: entry.name, because: word)
      }
    }
    return result
  }

  private func rarity(_ word: String) -> Double { Double(max(1, spread[word] ?? 1)) }

  private func addName(
    of entry: Entry, in text: String, _ words: RoutingWords, to result: inout RoutingEvidence, used: inout Set<String>
  ) {
    if RoutingAddress.names(entry.name, in: text) {
      result.add(RoutingEvidence.Worth.address, to: entry.name, because: "its address")
    } else if words.contains(entry.nameWords) {
      let worth = entry.nameWords.words.count > 1 ? RoutingEvidence.Worth.fullName : RoutingEvidence.Worth.oneWordName
      result.add(worth, to: entry.name, because: entry.name.rawValue)
    } else {
      return
    }
    used.formUnion(entry.nameWords.words)
    result.markNamed(entry.name)
  }

  /// Repositories of which a channel of this name must be the home: a word of their name that no other repository has.
  func homes(ofChannel channel: String) -> [RepositoryName] {
    let present = Set(RoutingWords(channel).words)
    return entries.filter { entry in
      entry.nameWords.words.contains { present.contains($0) && spread[$0] == 1 && !RoutingWords.empty.contains($0) }
    }.map(\.name)
  }
}

extension RoutingEvidence {
  mutating func ground(_ name: RepositoryName) { grounded.insert(name) }

  fileprivate mutating func markNamed(_ name: RepositoryName) {
    named.insert(name)
    grounded.insert(name)
  }
}
