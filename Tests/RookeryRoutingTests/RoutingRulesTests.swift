import Foundation
import RookeryModel
import Testing

@testable import RookeryRouting

/// How good the rules are, by the labelled messages; what each kind of evidence does, one by one.
@Suite struct RoutingRulesTests {
  @Test func theLabelledSetIsWhatItSaysItIs() throws {
    let set = try LabelledMessages()
    #expect(set.candidates.count == 8)
    #expect(set.messages.count >= 120)
    #expect(set.messages.count { $0.isHeldOut } * 2 == set.messages.count)
    let names = Set(set.candidates.map(\.name))
    for message in set.messages {
      #expect(message.expected.map(names.contains) ?? true, "line \(message.number)")
      #expect((message.expected == nil) == ["ambiguous", "none"].contains(message.kind), "line \(message.number)")
    }
  }

  @Test func messagesThatMadeTheRulesAreUnderstood() throws {
    var score = RoutingScore()
    for message in try LabelledMessages().messages where !message.isHeldOut {
      score.add(message, RoutingRules(message.question).decide())
    }
    print("rules, made with: \(score)")
    #expect(score.wrong == [], "begun wrongly")
    #expect(Double(score.right) / Double(score.all) >= 0.9, "asked needlessly: \(score.askedTexts)")
  }

  /// The measure that counts: messages that nobody looked at when the rules were made.
  @Test func messagesThatWereHeldOutBeginWronglyInAtMostOnePercent() throws {
    var score = RoutingScore()
    for message in try LabelledMessages().messages where message.isHeldOut {
      score.add(message, RoutingRules(message.question).decide())
    }
    print("rules, held out: \(score)")
    #expect(Double(score.wrong.count) / Double(score.all) <= 0.01, "\(score.wrong.count) of \(score.all) begun wrongly")
    #expect(Double(score.right) / Double(score.all) >= 0.8, "\(score)")
  }

  private static func question(_ message: String) throws -> RoutingQuestion {
    RoutingQuestion(
      message: message,
      candidates: [
        .init(name: try RepositoryName("web"), description: "Pages that customers see", hints: ["frontend"]),
        .init(name: try RepositoryName("billing-api"), description: "Charges cards", hints: ["invoice"]),
      ])
  }

  @Test(arguments: [
    ("in web make the footer blue", "web"), ("In `billing-api`: fix the invoice", "billing-api"), ("web: fix invoices", "web"),
    ("see https://github.com/acme/billing-api/pull/7", "billing-api"), ("take acme/web#12", "web"),
    ("git@github.com:acme/web.git needs a readme", "web"), ("the billing api is slow", "billing-api"),
  ])
  func aNameDecides(message: String, name: String) throws {
    let decision = RoutingRules(try Self.question(message)).decide()
    #expect(decision.repository?.rawValue == name, "\(decision)")
  }

  @Test(arguments: [
    "in general I think so", "web or billing-api, I don't know", "fix it", "", "   ", "thanks, never mind", "in",
    "in nowhere fix the build",
    "https://evil.example/web-but-not/acme", "look at src/web/index.html", String(repeating: "é", count: 50_000),
  ])
  func withoutEvidenceItAsks(message: String) throws {
    #expect(RoutingRules(try Self.question(message)).decide().repository == nil)
  }

  @Test func theRestOfAMessageThatBeginsWithANameIsThePrompt() throws {
    let names = Set(try Self.question("").candidates.map(\.name))
    let found = try #require(RoutingAddress.prefix(of: "in billing-api:  fix\nthis", among: names))
    #expect(found.name.rawValue == "billing-api")
    #expect(found.rest == "fix\nthis")
    #expect(RoutingAddress.prefix(of: "web fix this", among: names) == nil, "a word of the language")
  }

  @Test func aChoiceInTheChannelIsRememberedAndCountsWhenItIsSettled() throws {
    var question = try Self.question("add a test please")
    let web = try RepositoryName("web")
    question.chosenInChannel = [web]
    #expect(RoutingRules(question).decide().repository == nil)
    #expect(RoutingRules(question).decide().likely == [web], "the picker offers it first")
    question.chosenInChannel = [web, web, web]
    #expect(RoutingRules(question).decide().repository == web)
    question.chosenInChannel = [web, try RepositoryName("billing-api"), web]
    #expect(RoutingRules(question).decide().repository == nil)
  }

  /// A default or an earlier choice that the person may not use is never the answer.
  @Test func onlyCandidatesAreAnswers() throws {
    var question = try Self.question("in secret-repo fix it")
    let secret = try RepositoryName("secret-repo")
    question.channel = "secret-repo"
    question.channelDefault = secret
    question.chosenInChannel = [secret, secret, secret]
    question.recent = [secret]
    let decision = RoutingRules(question).decide()
    #expect(decision.repository == nil)
    #expect(!decision.likely.contains(secret))
  }

  @Test func theOnlyRepositoryNeedsNoQuestion() throws {
    var question = try Self.question("add a test please")
    question.candidates.removeLast()
    #expect(RoutingRules(question).decide().method == .only)
    question.message = "thanks!"
    #expect(RoutingRules(question).decide().repository == nil)
    question.candidates = []
    question.message = "in web add a test"
    #expect(RoutingRules(question).decide().repository == nil)
  }
}
