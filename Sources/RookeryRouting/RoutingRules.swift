import Foundation
import RookeryModel

/// Decides from words alone: what the configuration says of the repositories against what was written, and where.
///
/// It begins only on strong and uncontested evidence, and asks otherwise: a question costs a click, work in the wrong repository costs
/// a session. `RoutingRulesTests` measures both.
package struct RoutingRules: Sendable {
  /// What places are worth beside words (`RoutingEvidence.Worth`).
  private enum Worth {
    static let channelDefault = 4.5
    /// The channel is named after the repository.
    static let channelName = 4.5
    static let topic = 0.5
    /// People who were asked here chose it each time, or the last time.
    static let chosenAlways = 4.5
    static let chosenLast = 2.0
    static let recent = 1.0
    /// The thread beside a message that says something itself.
    static let thread = 0.8
  }

  /// Points that it takes to begin.
  private static let enough = 4.5
  /// Points of a message that needs no channel to be understood.
  private static let strong = 7.0
  /// The second may have this share of the best's points.
  private static let contested = 0.3
  private static let hedged = 0.2
  private static let hedges: Set<String> = ["or", "either", "both", "also"]

  private let question: RoutingQuestion
  private let lexicon: RoutingLexicon

  package init(_ question: RoutingQuestion) {
    self.question = question
    lexicon = RoutingLexicon(question.candidates)
  }

  /// What needs no judgement: the message begins with a name, it names exactly one in full and says nothing of others, or there is
  /// one repository alone. Nil otherwise.
  package func certain() -> API.RouteDecision? {
    if let (name, _) = RoutingAddress.prefix(of: question.message, among: question.names) {
      return decision(name, .named, confidence: 1, reasons: ["the message says “\(name)”"])
    }
    let evidence = lexicon.evidence(in: question.message)
    if isSmallTalk { return nil }
    if evidence.named.count == 1, let name = evidence.named.first, evidence.points.keys.allSatisfy({ $0 == name }), !isHedged {
      return decision(name, .named, confidence: 1, reasons: reasons(evidence, name, "the message names"))
    }
    if question.candidates.count == 1, let only = question.candidates.first {
      return decision(only.name, .only, confidence: 1, reasons: ["it is the only repository"])
    }
    return nil
  }

  package func decide() -> API.RouteDecision {
    if let certain = certain() { return certain }
    let message = lexicon.evidence(in: question.message)
    let thread = lexicon.evidence(in: question.thread.joined(separator: "\n"))
    guard !isSmallTalk else { return decision(nil, .rules, confidence: 0, reasons: ["the message asks for nothing"]) }
    let ranked = message.best()
    if let best = ranked.first, best.points >= Self.strong, message.grounded.contains(best.name), !isHedged,
      !isContested(ranked, share: Self.contested)
    {
      let likely = ranked.map(\.name)
      return decision(
        best.name, .rules, confidence: confidence(ranked), reasons: reasons(message, best.name, "the message speaks of"), likely: likely)
    }
    return combined(message: message, thread: thread)
  }

  /// Words and places together.
  private func combined(message: RoutingEvidence, thread: RoutingEvidence) -> API.RouteDecision {
    var total = message.points
    let weight = message.points.isEmpty ? 1 : Worth.thread
    for (name, points) in thread.points { total[name, default: 0] += points * weight }
    let place = placeEvidence()
    for (name, points) in place.points { total[name, default: 0] += points }
    let ranked = message.best(total)
    let likely = ranked.map(\.name)
    guard let best = ranked.first else { return decision(nil, .rules, confidence: 0, reasons: ["nothing in it speaks for one"]) }
    var why = reasons(message, best.name, "the message speaks of") + reasons(thread, best.name, "the thread speaks of")
    why += place.words[best.name] ?? []
    let isGrounded = [message, thread, place].contains { $0.grounded.contains(best.name) }
    if best.points < Self.enough || !isGrounded {
      return decision(nil, .rules, confidence: confidence(ranked), reasons: why + ["that is too little to begin"], likely: likely)
    }
    if isContested(ranked, share: isHedged ? Self.hedged : Self.contested), ranked.count > 1 {
      let other = ranked[1].name
      return decision(
        nil, .rules, confidence: confidence(ranked), reasons: why + ["“\(other)” may be meant as well"], likely: likely)
    }
    return decision(best.name, .rules, confidence: confidence(ranked), reasons: why, likely: likely)
  }

  /// What the channel and the past say.
  private func placeEvidence() -> RoutingEvidence {
    var result = RoutingEvidence()
    let homes = question.channel.map(lexicon.homes) ?? []
    if let name = question.channelDefault, question.names.contains(name) {
      result.add(Worth.channelDefault, to: name, because: "it is the channel's default")
      result.ground(name)
    } else if homes.count == 1, let home = homes.first {
      result.add(Worth.channelName, to: home, because: "the channel is named after it")
      result.ground(home)
    }
    let topic = lexicon.evidence(in: question.topic ?? "")
    for (name, points) in topic.points { result.add(points * Worth.topic, to: name, because: "the channel's topic speaks of it") }
    let chosen = question.chosenInChannel.prefix(3)
    if let last = chosen.first, question.names.contains(last) {
      let isSettled = chosen.count == 3 && chosen.allSatisfy { $0 == last }
      if isSettled { result.ground(last) }
      result.add(
        isSettled ? Worth.chosenAlways : Worth.chosenLast, to: last,
        because: isSettled ? "it was chosen here each of the last times" : "it was chosen here the last time")
    }
    if let last = question.recent.first, question.names.contains(last) {
      result.add(Worth.recent, to: last, because: "it is what this person worked on last")
    }
    return result
  }

  private var isSmallTalk: Bool {
    let words = RoutingWords(question.message).words
    return words.count <= 5 && words.allSatisfy(RoutingWords.smallTalk.contains)
  }

  private var isHedged: Bool { RoutingWords(question.message).words.contains(where: Self.hedges.contains) }

  private func isContested(_ ranked: [(name: RepositoryName, points: Double)], share: Double) -> Bool {
    ranked.count > 1 && ranked[1].points > share * ranked[0].points
  }

  /// 0 to 1, for people: how far the best is ahead.
  private func confidence(_ ranked: [(name: RepositoryName, points: Double)]) -> Double {
    guard let best = ranked.first else { return 0 }
    let second = ranked.count > 1 ? ranked[1].points : 0
    return ((best.points - second) / (best.points + second + 2) * 100).rounded() / 100
  }

  private func reasons(_ evidence: RoutingEvidence, _ name: RepositoryName, _ start: String) -> [String] {
    guard let words = evidence.words[name], !words.isEmpty else { return [] }
    return ["\(start) \(words.map { "“\($0)”" }.joined(separator: ", "))"]
  }

  private func decision(
    _ name: RepositoryName?, _ method: API.RouteDecision.Method, confidence: Double, reasons: [String], likely: [RepositoryName] = []
  ) -> API.RouteDecision {
    let first = (name.map { [$0] } ?? []) + likely.filter { $0 != name }
    return API.RouteDecision(repository: name, method: method, confidence: confidence, likely: first, reasons: reasons)
  }
}
