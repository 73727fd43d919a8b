import Foundation
import Glibc
import RookeryAgents
import RookeryModel
import RookeryRehearsal
import RookeryTestSupport
import Testing

/// The published agent, unchanged, on this machine; only the model is a rehearsal. Needs PyPI once.
@Suite(.serialized) struct AgentaoTests {
  private static let definition: AgentDefinition = {
    guard let definition = AgentCatalog.shipped.first(where: { $0.name.rawValue == "agentao" }) else { preconditionFailure("not shipped") }
    return definition
  }()

  private static let script = RehearsalScript(
    name: "agentao",
    steps: [
      .expect("the prompt"), .say("I will look around."), .run("ls -a && cat README.md"), .expect("Sample of a repository"),
      .write(path: "notes/first.md", content: "# Notes\n\nIt's *written* by the agent.\n"), .finish("Wrote `notes/first.md`."),
      .run("cat notes/first.md"), .expect("# Notes"), .finish("Read it again."),
    ])

  private struct Place: Sendable {
    let home: TemporaryDirectory
    let workspace: TemporaryDirectory
    let bundle: String

    init() async throws {
      bundle = try await PythonAgents.environment("agentao-0.5.17", AgentaoTests.definition.python)
      home = try TemporaryDirectory()
      workspace = try TemporaryDirectory()
      try workspace.write("# Sample of a repository\n", to: "README.md")
    }

    func start(port: Int, resume: String? = nil) throws -> AgentHarness {
      let definition = AgentaoTests.definition
      let launch = try definition.launch(model: ("http://127.0.0.1:\(port)", "rehearsal"))
      return try AgentHarness(
        ACPClient(agent: definition, directory: workspace.path, resume: resume),
        argv: launch.argv.map { $0.replacing(definition.bundle, with: bundle) },
        environment: launch.environment.merging(["HOME": home.path]) { $1 }, directory: workspace.path)
    }

    /// Files in the working directory that are neither the repository's nor the agent's work, nor known litter.
    func unknownLitter(beside known: Set<String>) throws -> [String] {
      try FileManager.default.contentsOfDirectory(atPath: workspace.path)
        .filter { !known.contains($0) && !AgentaoTests.definition.litter.contains($0) }
    }
  }

  private func open(_ place: Place, port: Int, resume: String? = nil) async throws -> AgentHarness {
    let agent = try place.start(port: port, resume: resume)
    try await agent.begin()
    try await agent.read { $0.isReady || $0.failure != nil }
    return agent
  }

  @Test func doesAWholeTurnThenAnother() async throws {
    let place = try await Place()
    try await withRehearsal(Self.script) { model, port in
      let agent = try await open(place, port: port)
      try await agent.prompt("this is the prompt")
      let actions = try await agent.read { $0.ends }
      #expect(actions.last == .turnEnded(stopReason: "end_turn"), "\(actions) \(model.journal.failures)")
      #expect(try place.workspace.read("notes/first.md") == "# Notes\n\nIt's *written* by the agent.\n")
      #expect(actions.messages.contains("I will look around."))
      #expect(actions.messages.contains("Wrote `notes/first.md`."))
      let calls = actions.events.compactMap { if case .toolCall(let call) = $0 { call } else { nil } }
      #expect(calls.count == 3)
      #expect(Set(calls.map(\.id)).count == 3)
      let completed = actions.events.filter { if case .toolUpdate(let update) = $0 { update.status == "completed" } else { false } }
      #expect(completed.count == 3)
      #expect(model.journal.lastAuthorization == "Bearer \(AgentDefinition.keyPlaceholder)")
      #expect(model.journal.requests.allSatisfy { $0.model == "rehearsal" })
      #expect(try place.unknownLitter(beside: ["README.md", "notes"]) == [])

      try await agent.prompt("and again")
      let second = try await agent.read { $0.ends }
      #expect(second.last == .turnEnded(stopReason: "end_turn"))
      #expect(second.messages.contains("Read it again."))
      await agent.kill()
    }
  }

  @Test func stopsInMidTurnAndGoesOn() async throws {
    let place = try await Place()
    var script = Self.script
    script.pace = 300
    try await withRehearsal(script) { _, port in
      let agent = try await open(place, port: port)
      try await agent.prompt("this is the prompt")
      try await agent.read { if case .emit(.agentMessage) = $0 { true } else { false } }
      try await agent.cancel()
      let actions = try await agent.read { $0.ends }
      #expect(actions.last == .turnEnded(stopReason: "cancelled"))
      #expect(await agent.phase == .ready)
      // The same conversation takes the next prompt.
      try await agent.prompt("this is the prompt once more")
      let next = try await agent.read {
        $0.ends || !($0.sent?["method"]?.string ?? "session/prompt").hasPrefix("session/prompt") || $0.event != nil
      }
      #expect(next.first?.failure == nil)
      await agent.kill()
    }
  }

  @Test func goesOnInANewProcess() async throws {
    let place = try await Place()
    try await withRehearsal(Self.script) { model, port in
      let first = try await open(place, port: port)
      try await first.prompt("this is the prompt")
      let done = try await first.read { $0.ends }
      #expect(done.last == .turnEnded(stopReason: "end_turn"))
      let session = try #require(await first.session)
      #expect(try await first.end() == 0)

      let second = try await open(place, port: port, resume: session)
      let opening = await second.actions
      #expect(started(opening).map(\.conversation) == [.resumed], "\(opening)")
      #expect(opening.events.count == 1)
      try await second.prompt("and again")
      let actions = try await second.read { $0.ends }
      // The rehearsal plays its second turn only to a conversation that knows the first.
      #expect(actions.last == .turnEnded(stopReason: "end_turn"), "\(model.journal.failures)")
      #expect(actions.messages.contains("Read it again."))
      await second.kill()
    }
  }

  /// It stores its conversations only when its input ends: one that was killed has to start anew, and says so.
  @Test func startsAnewAfterItWasKilled() async throws {
    let place = try await Place()
    var script = Self.script
    script.pace = 300
    try await withRehearsal(script) { _, port in
      let first = try await open(place, port: port)
      try await first.prompt("this is the prompt")
      try await first.read { if case .emit(.agentMessage) = $0 { true } else { false } }
      let session = try #require(await first.session)
      await first.kill()

      let second = try await open(place, port: port, resume: session)
      let opening = await second.actions
      #expect(started(opening).map(\.conversation) == [.new])
      #expect(opening.events.contains { if case .notice(let notice) = $0 { notice.level == .warning } else { false } })
      try await second.prompt("this is the prompt, again")
      let next = try await second.read { $0.ends || $0.event != nil }
      #expect(next.compactMap(\.failure).isEmpty)
      await second.kill()
    }
  }

  private func started(_ actions: [ACPAction]) -> [AgentStarted] {
    actions.events.compactMap { if case .agentStarted(let started) = $0 { started } else { nil } }
  }

  @Test func failsVisiblyWhenTheModelRefuses() async throws {
    let place = try await Place()
    try await withRehearsal(Self.script) { model, port in
      let agent = try await open(place, port: port)
      try await agent.prompt("not what the script expects")
      let actions = try await agent.read { $0.ends }
      #expect(model.journal.failures.isEmpty == false)
      let told = actions.messages + (actions.last?.failure?.message ?? "")
      #expect(told.contains("does not contain"), "\(actions)")
      await agent.kill()
    }
  }
}
