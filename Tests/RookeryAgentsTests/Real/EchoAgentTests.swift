import RookeryAgents
import RookeryModel
import RookeryTestSupport
import Testing

/// The example of the protocol's own Python library, which checks every message against its schema. Needs PyPI once.
@Suite struct EchoAgentTests {
  @Test func echoes() async throws {
    let requirement = "agent-client-protocol==0.12.1"
    let environment = try await PythonAgents.environment("acp-0.12.1", [requirement])
    let source = try await PythonAgents.source(requirement)
    let home = try TemporaryDirectory()
    let definition = AgentDefinition(
      name: try AgentName("echo"), title: "Echo", wire: .acp, model: .none,
      argv: ["\(environment)/bin/python", "\(source)/examples/echo_agent.py"], tested: true)
    let launch = try definition.launch(model: nil)
    try await within(.seconds(180)) {
      let agent = try AgentHarness(
        ACPClient(agent: definition, directory: home.path, resume: "gone"), argv: launch.argv,
        environment: launch.environment.merging(["HOME": home.path]) { $1 }, directory: home.path)
      try await agent.prompt("hello, agent")
      try await agent.begin()
      let actions = try await agent.read { $0.ends }
      #expect(actions.last == .turnEnded(stopReason: "end_turn"))
      let all = await agent.actions
      #expect(all.messages == "hello, agent")
      #expect(all.methods == ["initialize", "session/new", "session/prompt"])
      try await agent.cancel()
      try await agent.prompt("again")
      #expect(try await agent.read { $0.ends }.messages == "again")
      await agent.kill()
    }
  }
}
