import Foundation
import RookeryCommands
import RookeryModel
import RookeryTestSupport
import Testing

/// The whole product from Slack: a mention, a sandbox, a pushed branch, the result in the thread; and `serve` killed on the way.
@Suite(.serialized, .system(repositories: ["site", "docs"], forge: true, slack: true)) struct SlackTests {
  @Test(.timeLimit(.minutes(5))) func aMentionBecomesAPullRequestThoughTheServerIsKilled() async throws {
    let system = try RunningSystem.get()
    let slack = try #require(system.slack)
    slack.addPerson("U0ADA", name: "Ada", email: "ada@example.com")
    slack.addChannel("C0GENERAL", name: "general", topic: "")
    // She is known here.
    _ = try await system.finished(try await system.begin("true", author: system.ada))
    try await eventually("a socket") { await slack.socketCount() > 0 }
    let ts = await slack.write(
      "<@\(SlackDouble.bot)> in site\necho hi > slack.txt\nsleep 4\nexit 0", as: "U0ADA", in: "C0GENERAL")
    func shows(_ text: String) -> Bool { slack.ours(in: "C0GENERAL", thread: ts).contains { $0.everything.contains(text) } }
    try await eventually("the first answer") { shows("Starting work in `site`") }
    try await eventually("progress") { shows("rookery_stop") }
    try system.kill("serve")
    try await eventually(timeout: .seconds(150), "the result: \(slack.ours(in: "C0GENERAL", thread: ts).map(\.text))") { shows("View PR") }
    let pull = try #require(system.forge?.pullRequests.last)
    #expect(pull.author == "ada")
    #expect(shows("#\(pull.number) "))
    try await eventually("the mark") { slack.reactions(channel: "C0GENERAL", ts: ts) == ["white_check_mark"] }
    #expect(slack.ours(in: "C0GENERAL", thread: ts).count { $0.text.contains("Starting work") } == 1)
    #expect(slack.ours(in: "C0GENERAL", thread: ts).count { $0.everything.contains("View PR") } == 1)
    #expect(slack.violations == [])
  }
}
