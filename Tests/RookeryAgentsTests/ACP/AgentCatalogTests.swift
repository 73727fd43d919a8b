import RookeryAgents
import RookeryModel
import Testing

@Suite struct AgentCatalogTests {
  private func name(_ text: String) throws -> AgentName { try AgentName(text) }

  @Test func shipsWhatItSays() throws {
    let catalog = AgentCatalog()
    #expect(Set(catalog.all.map(\.name)).count == catalog.all.count)
    #expect(try catalog.definition(of: name("command")).wire == .command)
    let agentao = try catalog.definition(of: name("agentao"))
    #expect(agentao.tested)
    #expect(agentao.python == ["agentao[cli]==0.5.17"])
    for agent in catalog.all where agent.wire == .acp { #expect(agent.argv.first?.hasPrefix("{bundle}/bin/") == true) }
  }

  @Test func launches() throws {
    let agentao = try AgentCatalog().definition(of: name("agentao"))
    let launch = try agentao.launch(model: ("http://model.rookery.internal:61419", "m-1"))
    #expect(launch.argv == ["/opt/rookery/agents/agentao/bin/agentao", "--acp", "--stdio"])
    #expect(launch.environment["OPENAI_BASE_URL"] == "http://model.rookery.internal:61419/v1")
    #expect(launch.environment["OPENAI_MODEL"] == "m-1")
    #expect(launch.environment["OPENAI_API_KEY"] == AgentDefinition.keyPlaceholder)
    #expect(launch.environment["HOME"] == "/home/agent")
    #expect(launch.environment["PATH"]?.contains("/opt/rookery") == false)
    #expect(throws: RookeryError.self) { try agentao.launch(model: nil) }
    #expect(try AgentCatalog().definition(of: name("command")).launch(model: nil).argv == ["/bin/sh", "-e"])
  }

  @Test func expandsPlaceholdersOnce() throws {
    let agent = AgentDefinition(
      name: try name("mine"), title: "Mine", wire: .acp, model: .openai, argv: ["{bundle}/x", "{model.name}{unknown}{", "{{bundle}}"],
      environment: ["PATH": "/mine", "A": "{model.key}/{model.url}"], tested: false)
    let launch = try agent.launch(model: ("u", "{bundle}"))
    #expect(launch.argv == ["/opt/rookery/agents/mine/x", "{bundle}{unknown}{", "{/opt/rookery/agents/mine}"])
    #expect(launch.environment["PATH"] == "/mine")
    #expect(launch.environment["A"] == "\(AgentDefinition.keyPlaceholder)/u")
  }

  @Test func takesEntriesOfTheConfiguration() throws {
    let own = AgentDefinition(name: try name("own"), title: "Own", wire: .acp, model: .none, argv: ["own"], tested: false)
    var replaced = try AgentCatalog().definition(of: name("agentao"))
    replaced.python = ["agentao[cli]==0.6"]
    let catalog = AgentCatalog(definitions: [own, replaced])
    #expect(catalog[try name("own")] == own)
    #expect(catalog[try name("agentao")] == replaced)
    #expect(catalog.all.count == AgentCatalog.shipped.count + 1)
    let summaries = catalog.summaries(installed: [try name("vibe")])
    #expect(summaries.filter(\.installed).map(\.name.rawValue) == ["command", "vibe", "own"])
    do {
      _ = try catalog.definition(of: name("nobody"))
      Issue.record("found")
    } catch {
      #expect((error as? RookeryError)?.code == .agentUnknown)
      #expect((error as? RookeryError)?.mend.contains("own") == true)
    }
  }
}
