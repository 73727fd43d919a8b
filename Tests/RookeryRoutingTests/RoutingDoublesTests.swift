import Foundation
import Logging
import RookeryConfiguration
import RookeryModel
import RookeryTestSupport
import Testing

@testable import RookeryRouting

/// The model call against other people's model servers: llmock, which honours strict schemas and judges its client, and fakellm, which
/// knows no schemas and answers what it was told.
@Suite(.timeLimit(.minutes(3)), .serialized) struct RoutingDoublesTests {
  private static func environment() async throws -> PythonEnvironment {
    try await PythonEnvironment("model-servers", ["llmock==0.2.2", "fakellm==0.3.5"])
  }

  private static func question() throws -> RoutingQuestion {
    RoutingQuestion(
      message: "the price is wrong",
      candidates: [.init(name: try RepositoryName("web")), .init(name: try RepositoryName("billing-api"))])
  }

  private static func model(_ url: String, deadline: Duration = .seconds(20)) -> RoutingModel {
    RoutingModel(Configuration.Model(wire: .openai, url: url, name: "gpt-test", key: Secret("sk-test")), deadline: deadline)
  }

  private static func llmock(_ body: @escaping @Sendable (String) async throws -> Void) async throws {
    let environment = try await environment()
    try await environment.serving({ [environment.program("llmock"), "serve", "--port", String($0), "--log-level", "error"] }, body)
  }

  private static func post(_ url: String, _ body: String) async throws {
    try await Command.output([
      "curl", "-sf", "-X", "POST", url, "-H", "Content-Type: application/json", "-d", body, "-o", "/dev/null",
    ])
  }

  @Test func llmockHonoursOurSchema() async throws {
    try await Self.llmock { url in
      let choice = try await Self.model(url).choose(try Self.question())
      // It makes up a value that fits the schema: one of the names, or null.
      let names = try Self.question().names
      #expect(choice.repository.map(names.contains) ?? true)
      #expect(choice.reason.isEmpty == false)
    }
  }

  @Test func llmockFindsThatItsLimitsAndFailuresAreRespected() async throws {
    try await Self.llmock { url in
      let scenario = #"""
        {"behaviors": [
          {"type": "fail", "status": 429, "retry_after": 1, "times": 1}, {"type": "fail", "status": 503, "times": 1},
          {"type": "reply", "text": "{\"repository\": \"web\", \"confidence\": \"high\", \"reason\": \"r\"}"}
        ]}
        """#
      try await Self.post(url + "/_llmock/scenario", scenario)
      #expect(try await Self.model(url).choose(try Self.question()).repository?.rawValue == "web")
      let verdict = try await Command.output(["curl", "-sf", url + "/_llmock/verdict?format=text"])
      #expect(!verdict.contains("FAIL") && !verdict.contains("retry_after_ignored"), "\(verdict)")
    }
  }

  @Test func fakellmAnswersInFencesAndIsUnderstood() async throws {
    let directory = try TemporaryDirectory()
    let file = try directory.write(
      #"""
      rules:
        - name: routing
          when: {messages_contain: "the price is wrong"}
          respond:
            content: "<think>{hm}</think>\n```json\n{\"repository\": \"billing-api\", \"confidence\": \"high\", \"reason\": \"money\"}\n```"
      """#, to: "fakellm.yaml")
    let environment = try await Self.environment()
    try await environment.serving({ [environment.program("fakellm"), "serve", "--port", String($0), "--config", file] }) { url in
      let choice = try await Self.model(url).choose(try Self.question())
      #expect(choice.repository?.rawValue == "billing-api")
    }
    withExtendedLifetime(directory) {}
  }
}
