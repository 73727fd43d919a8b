import Foundation
import RookeryCommands
import RookeryModel
import RookeryRehearsal
import RookeryTestSupport
import Testing

/// A real coding agent from its published package, unchanged, in a sandbox; only the model behind it plays a script.
@Suite(.serialized, .system(repositories: ["site"])) struct AgentTurnTests {
  @Test(.timeLimit(.minutes(10))) func theAgentEditsCommitsAndPushes() async throws {
    let system = try RunningSystem.get()
    let installed = try await system.cli("agent", "install", "agentao", timeout: .seconds(400))
    #expect(installed.status == 0, "\(installed.text)")
    let session = try await system.begin("Add an overview of this repository", agent: "agentao", author: system.ada)
    let log = try await system.finished(session)
    #expect(log.results.map(\.result) == [.completed])
    #expect(log.results.first?.stopReason == "end_turn")
    #expect(log.message.contains("I'll look at the repository first."))
    #expect(log.kinds.contains("tool.call"))
    #expect(log.kinds.contains("usage"))

    let commits = try await system.git.log(of: "site", ref: "rookery/\(session)")
    #expect(commits.first?.authorName == "Ada Lovelace")
    let overview = try await system.git.show("site", ref: "rookery/\(session)", path: "REPOSITORY-OVERVIEW.md")
    #expect(overview.hasPrefix("# Overview"))
    // The agent's own files stay out of the commit.
    let files = try await system.git.git("site", ["ls-tree", "-r", "--name-only", "rookery/\(session)"])
    #expect(!files.contains(".agentao"))
    // The key is the gateway's to add: the agent only ever had a placeholder, and the script's proofs all held.
    #expect(system.model.journal.lastAuthorization == "Bearer \(RunningSystem.modelKey)")
    #expect(system.model.journal.failures == [])
  }

  @Test(.timeLimit(.minutes(10))) func aFollowUpContinuesTheConversation() async throws {
    let system = try RunningSystem.get()
    _ = try await system.cli("agent", "install", "agentao", timeout: .seconds(400))
    let session = try await system.begin("Add an overview of this repository", agent: "agentao")
    _ = try await system.finished(session)
    _ = try await system.prompt(session, "Once more, please")
    let log = try await system.finished(session, turns: 2)
    #expect(log.results.map(\.result) == [.completed, .completed])
    // One process serves both turns.
    #expect(log.kinds.count { $0 == "agent.started" } == 1)
  }

  @Test(.timeLimit(.minutes(10))) func stopEndsATurnInTheMiddleAndTheSessionGoesOn() async throws {
    let system = try RunningSystem.get()
    _ = try await system.cli("agent", "install", "agentao", timeout: .seconds(400))
    let session = try await system.begin("Add an overview of this repository", agent: "agentao")
    try await eventually(timeout: .seconds(90), "the agent works") { try await system.log(session).kinds.contains("tool.call") }
    try await system.api { try await $0.send(.POST, "/v1/sessions/\(session)/stop") }
    let log = try await system.finished(session, timeout: .seconds(60))
    #expect(log.results.map(\.result) == [.interrupted])
    _ = try await system.prompt(session, "Go on")
    #expect(try await system.finished(session, turns: 2).results.last?.result == .completed)
  }
}
