import Foundation
import Logging
import RookeryConfiguration
import RookeryModel
import RookeryTestSupport
import Testing

@testable import RookeryRouting

/// The model call against servers of every kind that is met in the wild.
@Suite(.timeLimit(.minutes(2))) struct RoutingModelTests {
  private static func question(_ message: String = "the price is wrong") throws -> RoutingQuestion {
    RoutingQuestion(
      message: message,
      candidates: [
        .init(name: try RepositoryName("web"), description: "pages", hints: ["frontend"]),
        .init(name: try RepositoryName("billing-api"), description: "charges", hints: ["invoice"]),
      ])
  }

  private static func answer(_ name: String?, _ confidence: String = "high") -> String {
    #"{"repository": \#(name.map { "\"\($0)\"" } ?? "null"), "confidence": "\#(confidence)", "reason": "prices"}"#
  }

  /// What is decided with a server that gives these answers; every request was as the real API wants it.
  private func decide(
    _ answers: [StrictModelServer.Answer], wire: Configuration.Model.Wire = .openai, deadline: Duration = .seconds(30),
    message: String = "the price is wrong"
  ) async throws -> (API.RouteDecision, StrictModelServer) {
    let server = StrictModelServer(answers)
    let service = try await server.start()
    let model = RoutingModel(
      Configuration.Model(wire: wire, url: service.url, name: "small", key: Secret("sk-test")), deadline: deadline)
    let router = RepositoryRouter(model: model, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    let decision = try await router.decide(try Self.question(message))
    await service.stop()
    #expect(server.violations == [])
    return (decision, server)
  }

  @Test func aServerThatHonoursTheSchemaIsAskedOnce() async throws {
    let (decision, server) = try await decide([.content(Self.answer("web"))])
    #expect(decision.repository?.rawValue == "web")
    #expect(decision.method == .model)
    #expect(decision.reasons == ["prices"])
    #expect(server.forms == ["schema"])
    #expect(server.prompts.first?.contains("the price is wrong") == true)
  }

  @Test func nullAndLowConfidenceAsk() async throws {
    #expect(try await decide([.content(Self.answer(nil))]).0.repository == nil)
    let (low, _) = try await decide([.content(Self.answer("web", "low"))])
    #expect(low.repository == nil)
    #expect(low.likely.first?.rawValue == "web", "it is offered first")
    #expect(try await decide([.content(#"{"repository": "web"}"#)]).0.repository == nil, "no confidence is none")
  }

  @Test func mediumConfidenceBeginsOnlyWhereTheRulesAgree() async throws {
    let (alone, _) = try await decide([.content(Self.answer("web", "medium"))])
    #expect(alone.repository == nil)
    let (agreed, _) = try await decide([.content(Self.answer("web", "medium"))], message: "pages are slow")
    #expect(agreed.repository?.rawValue == "web")
  }

  @Test(arguments: [
    "```json\n\(answer("web"))\n```", "<think>web or {billing}? \"{\" web.</think>\n\(answer("web"))",
    "Sure! Here it is: \(answer("web")) Bye.",
    "{\"repository\": \"billing-api\"} no, rather: \(answer("web"))", "\u{feff} \(answer("web"))\n\n",
  ])
  func answersInFencesAndAmongThoughtsAreRead(text: String) async throws {
    #expect(try await decide([.content(text)]).0.repository?.rawValue == "web")
  }

  @Test func aServerThatIgnoresTheSchemaIsAskedInPlainerForms() async throws {
    let (decision, server) = try await decide([.content("I'd say web."), .content(Self.answer("shop")), .content(Self.answer("web"))])
    #expect(decision.repository?.rawValue == "web")
    #expect(server.forms == ["schema", "object", "text"])
  }

  @Test func aServerThatRejectsSchemasIsAskedInPlainerFormsAndThatIsRemembered() async throws {
    let server = StrictModelServer([
      .status(400), .status(422), .content(Self.answer("web")), .content(Self.answer("billing-api")),
    ])
    let service = try await server.start()
    let model = RoutingModel(
      Configuration.Model(wire: .openai, url: service.url, name: "small", key: Secret("sk-test")), deadline: .seconds(30))
    #expect(try await model.choose(try Self.question()).repository?.rawValue == "web")
    #expect(try await model.choose(try Self.question()).repository?.rawValue == "billing-api")
    #expect(server.forms == ["schema", "object", "text", "text"])
    #expect(server.violations == [])
  }

  @Test(arguments: ["other-repo", "web; rm -rf /", "../web", "WEB", "evil"])
  func aNameThatWasNotOfferedIsNeverTaken(name: String) async throws {
    let (decision, server) = try await decide(Array(repeating: .content(Self.answer(name)), count: 9))
    #expect(decision.repository == nil)
    #expect(decision.modelProblem != nil)
    #expect(server.forms.count == 3)
  }

  @Test func aRefusalLeavesItToTheRules() async throws {
    let (decision, server) = try await decide([.refusal], message: "fix the invoice")
    #expect(decision.repository?.rawValue == "billing-api")
    #expect(decision.method == .rules)
    #expect(decision.modelProblem == "the model refused to answer")
    #expect(server.forms.count == 1)
    #expect(try await decide([.content("{}", finish: "content_filter")]).0.modelProblem == "the model refused to answer")
  }

  @Test func aCutAnswerIsNone() async throws {
    let (decision, _) = try await decide([.content(Self.answer("web"), finish: "length")])
    #expect(decision.repository == nil)
    #expect(decision.modelProblem == "the model's answer was cut short")
  }

  @Test func aSlowServerIsNotWaitedFor() async throws {
    let began = ContinuousClock.now
    let (decision, _) = try await decide([.silence], deadline: .milliseconds(300), message: "fix the invoice")
    #expect(decision.repository?.rawValue == "billing-api")
    #expect(decision.modelProblem == "the model did not answer in time")
    #expect(ContinuousClock.now - began < .seconds(20))
  }

  @Test func aFailingServerIsAskedAgainWithinTheDeadline() async throws {
    let (decision, server) = try await decide([.status(503), .status(500), .content(Self.answer("web"))])
    #expect(decision.repository?.rawValue == "web")
    #expect(server.forms.count == 3)
    let (given, failing) = try await decide(Array(repeating: .status(500), count: 20), deadline: .seconds(1))
    #expect(given.modelProblem == "the model API answered 500")
    #expect(failing.forms.count <= 6)
  }

  @Test func aLimitIsWaitedForAsLongAsItSays() async throws {
    let began = ContinuousClock.now
    let (decision, server) = try await decide([
      .status(429, code: "rate_limit_exceeded", headers: ["retry-after-ms": "350", "retry-after": "1"]), .content(Self.answer("web")),
    ])
    #expect(decision.repository?.rawValue == "web")
    #expect(ContinuousClock.now - began >= .milliseconds(350))
    #expect(server.forms.count == 2)
  }

  @Test func nothingIsAskedAgainThatCannotGetBetter() async throws {
    let far = StrictModelServer.Answer.status(429, headers: ["retry-after": "3600"])
    for (answer, problem) in [
      (far, "the model API limits the rate of requests"),
      (.status(429, code: "insufficient_quota"), "the model account's quota is used up"),
      (.status(401), "the model API does not accept the key"), (.raw("<html>"), "the model's answer is not understood"),
      (.raw("{}"), "the model's answer is not understood"),
    ] {
      let (decision, server) = try await decide([answer, .content(Self.answer("web"))])
      #expect(decision.modelProblem == problem)
      #expect(server.forms.count == 1, "\(problem)")
    }
  }

  @Test func nobodyThereLeavesItToTheRules() async throws {
    let model = RoutingModel(
      Configuration.Model(wire: .openai, url: "http://127.0.0.1:1", name: "small", key: Secret("")), deadline: .milliseconds(500))
    await #expect(throws: RoutingModelFailure.unreachable) { try await model.choose(try Self.question()) }
  }

  @Test func whatTheMessageSaysNeedsNoModel() async throws {
    let (decision, server) = try await decide([], message: "in web fix it")
    #expect(decision.method == .named)
    #expect(server.forms.isEmpty)
  }

  @Test func anthropicAnswersInATool() async throws {
    let input: JSONValue = ["repository": "web", "confidence": "high", "reason": "prices"]
    let (decision, server) = try await decide([.tool(input)], wire: .anthropic)
    #expect(decision.repository?.rawValue == "web")
    #expect(server.forms == ["tool"])
    let (plain, second) = try await decide([.status(400), .content(Self.answer("web"), finish: "end_turn")], wire: .anthropic)
    #expect(plain.repository?.rawValue == "web")
    #expect(second.forms == ["tool", "text"] || second.forms == ["tool", "text", "text"])
    #expect(try await decide([.content("no", finish: "refusal")], wire: .anthropic).0.modelProblem == "the model refused to answer")
  }

  @Test func retryAfterIsReadAsEachServerWritesIt() throws {
    let now = Date(timeIntervalSince1970: 1_792_000_000)
    func wait(_ headers: [String: String]) -> Duration? {
      BadAnswer(status: 429, headers: { headers[$0] }, body: Data(), now: now).retryAfter
    }
    #expect(wait(["retry-after": "2"]) == .seconds(2))
    #expect(wait(["retry-after": "0.25"]) == .milliseconds(250))
    #expect(wait(["retry-after-ms": "12"]) == .milliseconds(12))
    #expect(wait(["retry-after": "Wed, 14 Oct 2026 17:46:50 GMT"]) == .seconds(10))
    #expect(wait(["retry-after": "Wed, 14 Oct 1999 17:46:50 GMT"]) == .zero)
    #expect(wait(["retry-after": "soon"]) == nil)
    #expect(wait([:]) == nil)
  }
}
