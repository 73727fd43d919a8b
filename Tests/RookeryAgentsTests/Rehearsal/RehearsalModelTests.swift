import Foundation
import FoundationNetworking
import Logging
import RookeryModel
import RookeryRehearsal
import RookeryTestSupport
import Testing

/// Runs a rehearsal model on a free port while `body` runs.
func withRehearsal<Value: Sendable>(
  _ script: RehearsalScript, _ body: @escaping @Sendable (RehearsalModel, Int) async throws -> Value
) async throws -> Value {
  let model = try RehearsalModel(script: script, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
  let (ports, ready) = AsyncStream<Int>.makeStream()
  return try await within(.seconds(400)) {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await model.run(onReady: { ready.yield($0) }) }
      var iterator = ports.makeAsyncIterator()
      let port = try #require(await iterator.next())
      let value = try await body(model, port)
      group.cancelAll()
      return value
    }
  }
}

@Suite struct RehearsalModelTests {
  private static let script = RehearsalScript(
    name: "sample",
    steps: [
      .expect("please"), .say("Looking."), .run("echo one > one.txt; cat one.txt"), .expect("one"),
      .write(path: "dir/it's.txt", content: "first\nsecond 'quoted' $HOME\n"), .finish("Done with the first."),
      .run("cat \"dir/it's.txt\""), .expect("second"), .finish("Done with the second."),
    ])

  @Test(arguments: [false, true])
  func playsTheScript(stream: Bool) async throws {
    let directory = try TemporaryDirectory()
    try await withRehearsal(Self.script) { model, port in
      var agent = SmallAgent(port: port, directory: directory.path, stream: stream)
      let words = try await agent.turn("please begin")
      #expect(words == "Done with the first.")
      #expect(try directory.read("one.txt") == "one\n")
      #expect(try directory.read("dir/it's.txt") == "first\nsecond 'quoted' $HOME\n")
      #expect(model.journal.requests.count == 4)
      #expect(model.journal.lastAuthorization == "Bearer secret")
      #expect(model.journal.requests.allSatisfy { $0.model == "m" && $0.stream == stream && $0.failure == nil })
      #expect(try await agent.turn("go on") == "Done with the second.")
      // Beyond the script, its last turn is played again.
      #expect(try await agent.turn("and again") == "Done with the second.")
    }
  }

  @Test func keepsConversationsApart() async throws {
    let directories = try (0..<4).map { _ in try TemporaryDirectory() }
    try await withRehearsal(Self.script) { _, port in
      try await withThrowingTaskGroup(of: String.self) { group in
        for directory in directories {
          group.addTask {
            var agent = SmallAgent(port: port, directory: directory.path, stream: true)
            return try await agent.turn("please begin")
          }
        }
        for try await words in group { #expect(words == "Done with the first.") }
      }
      for directory in directories { #expect(try directory.read("one.txt") == "one\n") }
    }
  }

  struct Cheat: Sendable, CustomTestStringConvertible {
    var name: String
    var report: @Sendable (String) -> String
    var complaint: String
    var testDescription: String { name }
  }

  @Test(arguments: [
    Cheat(name: "nothing ran", report: { _ in "ok" }, complaint: "does not contain “one”"),
    Cheat(name: "guessed", report: { _ in "one\nrehearsal-proof 1 status 0 in /" }, complaint: "lacks the value"),
    Cheat(name: "failed", report: { $0.replacing("status 0", with: "status 2") }, complaint: "the command failed (status 2)"),
  ])
  func noticesThatAnAgentCheats(cheat: Cheat) async throws {
    let directory = try TemporaryDirectory()
    try await withRehearsal(Self.script) { model, port in
      var agent = SmallAgent(port: port, directory: directory.path, report: cheat.report)
      do {
        _ = try await agent.turn("please begin")
        Issue.record("played on")
      } catch let error as SmallAgent.Refused {
        #expect(error.status == 400)
        #expect(error.message.contains(cheat.complaint))
        #expect(model.journal.failures.count == 1)
      }
    }
  }

  @Test func noticesAWrongPromptAndMissingTools() async throws {
    let directory = try TemporaryDirectory()
    try await withRehearsal(Self.script) { _, port in
      var agent = SmallAgent(port: port, directory: directory.path)
      let wrong = await #expect(throws: SmallAgent.Refused.self) { try await agent.turn("something else") }
      #expect(wrong?.message.contains("“please”") == true)
      agent = SmallAgent(port: port, directory: directory.path)
      agent.tools = [["type": "function", "function": ["name": "search"]]]
      let bare = await #expect(throws: SmallAgent.Refused.self) { try await agent.turn("please") }
      #expect(bare?.message.contains("only: search") == true)
      // Without any tool it is no step of the script: agents ask for titles like this.
      agent = SmallAgent(port: port, directory: directory.path)
      agent.tools = []
      let title = try await agent.turn("Write a title for: please")
      #expect(title.contains("sample"))
    }
  }

  @Test(arguments: ["", "{", "[]", "{}", #"{"messages":7}"#, #"{"messages":[],"tools":[{"function":{"name":"bash"}}]}"#])
  func refusesWhatIsNoRequest(body: String) async throws {
    try await withRehearsal(Self.script) { _, port in
      let error = await #expect(throws: SmallAgent.Refused.self) { try await SmallAgent.post(port: port, Data(body.utf8)) }
      #expect(error?.status == 400)
      #expect(error?.message.hasPrefix("Rehearsal: ") == true)
    }
  }

  @Test func saysThatItsPortIsTaken() async throws {
    try await withRehearsal(Self.script) { model, port in
      let error = await #expect(throws: RookeryError.self) { try await model.run(port: port) }
      #expect(error?.code == .unavailable)
      #expect(error?.message.contains("\(port)") == true)
    }
  }

  @Test func listsItsModel() async throws {
    try await withRehearsal(Self.script) { _, port in
      let (data, _) = try await URLSession.shared.data(from: URL(string: "http://127.0.0.1:\(port)/v1/models")!)
      #expect(try JSON.decode(JSONValue.self, from: data)["data"]?.array?.first?["id"] == .string(RehearsalModel.name))
    }
  }

  @Test(arguments: ["git with a README", "git without commits", "plain and empty"])
  func playsTheDemoAnywhere(kind: String) async throws {
    let directory = try TemporaryDirectory()
    if kind.hasPrefix("git") { try await Command.git(["init", "-q"], in: directory.path) }
    if kind.hasSuffix("README") {
      try directory.write("# Title\n", to: "README.md")
      try directory.write("int x;\n", to: "src/a b.c")
      try await Command.git(["add", "-A"], in: directory.path)
      try await Command.git(["commit", "-qm", "x"], in: directory.path)
    }
    var script = RehearsalScript.demo
    script.pace = 0
    try await withRehearsal(script) { [script] _, port in
      var agent = SmallAgent(port: port, directory: directory.path)
      let words = try await agent.turn("anything")
      #expect(script.steps.last == .finish(words))
      let overview = try directory.read("REPOSITORY-OVERVIEW.md")
      #expect(overview.contains(kind.hasSuffix("README") ? "| 2 | `.md` |\n| 1 | `.c` |" : "| 1 | `.md` |"))
    }
  }
}
