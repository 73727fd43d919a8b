import Foundation
import RookeryCommands
import RookeryModel
import RookeryRehearsal
import RookeryTestSupport
import Testing

/// Sessions that begin in sandboxes which waited for them.
@Suite(.serialized, .system(repositories: ["site"], pool: 1)) struct WarmPoolTests {
  private func pool(_ system: RunningSystem) async throws -> API.Pool {
    try await system.api { try await $0.get("/v1/repositories/site/pool", as: API.Pool.self) }
  }

  /// Waits until a sandbox is ready beside those in `known`: with `agent` waiting in it, or whatever there is on this machine.
  private func warmed(_ system: RunningSystem, agent: String? = nil, beside known: Set<SandboxID> = []) async throws -> API.WarmSandbox {
    let image = try await system.api { try await $0.get("/v1/repositories/site", as: Repository.self) }.image
    if image == nil { _ = try await system.cli("repo", "build", "site") }
    var found: API.WarmSandbox?
    do {
      try await eventually(timeout: .seconds(60), "a sandbox is warm") {
        found = try await pool(system).sandboxes.first { sandbox in
          sandbox.state == .ready && (agent == nil || sandbox.agent?.rawValue == agent) && !known.contains(sandbox.sandbox)
        }
        return found != nil
      }
    } catch {
      print(try await pool(system))
      print((try? system.directory.read("up.log"))?.suffix(8000) ?? "")
      throw error
    }
    return try #require(found)
  }

  private func ready(_ log: [Event]) -> [SandboxReady] {
    log.compactMap { if case .sandboxReady(let body) = $0.payload { body } else { nil } }
  }

  @Test(.timeLimit(.minutes(10))) func aScriptRunsInAWarmSandboxAtTheNewestCommit() async throws {
    let system = try RunningSystem.get()
    let warm = try await warmed(system)
    #expect(warm.commit == (try await system.git.log(of: "site", ref: "main")).first?.id)
    // The remote moves on while it waits.
    try await system.git.commit(to: "site", files: ["LATER.md": "later\n"])
    let tip = try #require(try await system.git.log(of: "site", ref: "main").first?.id)
    let session = try await system.begin("git log -1 --format=%s; cat LATER.md; echo done > done.txt", author: system.ada)
    let log = try await system.finished(session)
    #expect(log.results.map(\.result) == [.completed])
    #expect(ready(log).map(\.sandbox) == [warm.sandbox])
    #expect(ready(log).map(\.source) == [.warm])
    #expect(log.output() == "Change LATER.md\nlater\n")
    // The branch holds the session's own commit on top of the newest, and its author's name.
    let commits = try await system.git.log(of: "site", ref: "rookery/\(session)")
    #expect(commits.first?.authorName == "Ada Lovelace")
    #expect(commits.dropFirst().first?.id == tip)
    // It went from the pool, and another takes its place.
    let next = try await warmed(system, beside: [warm.sandbox])
    #expect(next.commit == tip)
    // A follow-up stays where it is.
    _ = try await system.prompt(session, "cat done.txt")
    #expect(try await system.finished(session, turns: 2).output().hasSuffix("done\n"))
  }

  @Test(.timeLimit(.minutes(10))) func sessionsAtOnceGetSandboxesOfTheirOwn() async throws {
    let system = try RunningSystem.get()
    let warm = try await warmed(system)
    var sessions: [SessionID] = []
    for number in 1...3 { sessions.append(try await system.begin("echo \(number) > mine; sleep 1; cat mine")) }
    var sandboxes: [SandboxID] = []
    for (index, session) in sessions.enumerated() {
      let log = try await system.finished(session)
      #expect(log.output() == "\(index + 1)\n")
      sandboxes += ready(log).map(\.sandbox)
    }
    #expect(Set(sandboxes).count == 3)
    #expect(sandboxes.contains(warm.sandbox))
  }

  @Test(.timeLimit(.minutes(10))) func aWarmSandboxOutlivesTheServerAndIsGivenOnce() async throws {
    let system = try RunningSystem.get()
    _ = try await warmed(system)
    // The tests before this one may have made the pool keep two: a new server knows nothing of that, and lets one go.
    let before = Set(try await pool(system).sandboxes.filter { $0.state == .ready }.map(\.sandbox))
    for process in ["serve", "host", "gateway"] {
      try system.kill(process)
      try await system.untilHealthy()
    }
    let again = try await warmed(system)
    #expect(before.contains(again.sandbox))
    let log = try await system.finished(try await system.begin("git status --short; echo here"))
    #expect(ready(log).map(\.source) == [.warm])
    #expect(before.isSuperset(of: ready(log).map(\.sandbox)))
    #expect(log.results.map(\.result) == [.completed])
  }

  @Test(.timeLimit(.minutes(10))) func aWarmSandboxThatDiesIsReplaced() async throws {
    let system = try RunningSystem.get()
    let warm = try await warmed(system)
    for pid in try system.runners(of: warm.sandbox) { Foundation.kill(pid, SIGKILL) }
    let next = try await warmed(system, beside: [warm.sandbox])
    let log = try await system.finished(try await system.begin("echo here"))
    #expect(ready(log).map(\.sandbox) == [next.sandbox])
  }

  /// At random moments of a claim: the session goes on in exactly one sandbox, and nothing is left behind.
  @Test(.timeLimit(.minutes(10)), arguments: 0..<3) func killingTheServerInAClaimLosesNothing(round: Int) async throws {
    let system = try RunningSystem.get()
    _ = try await warmed(system)
    let session = try await system.begin("echo once >> times; cat times")
    try await Task.sleep(for: .milliseconds(Int.random(in: 0...120)))
    try system.kill("serve")
    try await system.untilHealthy()
    let log = try await system.finished(session)
    #expect(log.results.map(\.result) == [.completed])
    #expect(log.output() == "once\n")
    let next = try await warmed(system, beside: Set(ready(log).map(\.sandbox)))
    // What the pool shows is all that waits: nothing of the killed server's lives on unknown.
    try await eventually(timeout: .seconds(60), "only known sandboxes are left") {
      let waiting = try await pool(system).sandboxes
      return waiting.map(\.sandbox) == [next.sandbox] || waiting.allSatisfy { $0.state == .ready }
    }
  }

  @Test(.timeLimit(.minutes(10))) func theAgentWaitsWithItsConversationOpen() async throws {
    let system = try RunningSystem.get()
    let installed = try await system.cli("agent", "install", "agentao", timeout: .seconds(400))
    #expect(installed.status == 0, "\(installed.text)")
    let warm = try await warmed(system, agent: "agentao")
    let show = try await system.cli("repo", "show", "site")
    #expect(show.text.contains("1 ready"))
    // The remote moves on while it waits: the agent hears nothing of its model before it is there, too.
    try await system.git.commit(to: "site", files: ["WHILE-IT-WAITED.md": "later\n"])
    let tip = try #require(try await system.git.log(of: "site", ref: "main").first?.id)
    let session = try await system.begin("Add an overview of this repository", agent: "agentao", author: system.ada)
    let log = try await system.finished(session)
    #expect(log.results.map(\.result) == [.completed])
    #expect(ready(log).map(\.sandbox) == [warm.sandbox])
    #expect(log.kinds.count { $0 == "agent.started" } == 1)
    #expect(log.message.contains("I'll look at the repository first."))
    let commits = try await system.git.log(of: "site", ref: "rookery/\(session)")
    #expect(commits.first?.authorName == "Ada Lovelace")
    #expect(commits.dropFirst().first?.id == tip)
    let overview = try await system.git.show("site", ref: "rookery/\(session)", path: "REPOSITORY-OVERVIEW.md")
    // Its table counts the files of the newest commit.
    let files = try await system.git.git("site", ["ls-tree", "-r", "--name-only", "rookery/\(session)"])
    let texts = files.split(separator: "\n").count { $0.hasSuffix(".md") }
    #expect(overview.contains("| \(texts) | `.md` |"))
    #expect(system.model.journal.failures == [])
    // Another agent's session takes the next sandbox all the same.
    let next = try await warmed(system, agent: "agentao", beside: [warm.sandbox])
    let script = try await system.finished(try await system.begin("grep -l '[a]gentao' /proc/[0-9]*/cmdline || echo alone"))
    #expect(ready(script).map(\.sandbox) == [next.sandbox])
    #expect(script.output() == "alone\n")
    // What the agent left in the working copy while it waited is no part of the session's work.
    #expect(!script.kinds.contains("commit.created"))
  }

  /// The repository's services are ready before a session has its sandbox, run in fresh and restored ones, too, and are watched.
  @Test(.timeLimit(.minutes(10))) func servicesRunInEverySandbox() async throws {
    let system = try RunningSystem.get()
    _ = try await warmed(system)
    let server = #"python3 -m http.server --bind 127.0.0.1 8765"#
    try await setServices(
      system,
      """
      [{"name": "web", "command": "exec \(server)", "ready": {"port": {"_0": 8765}}, "timeoutSeconds": 60, "root": false},
       {"name": "broken", "command": "echo no disk; exit 5", "ready": {"port": {"_0": 8766}}, "timeoutSeconds": 60, "root": false}]
      """)
    let check = "python3 -c 'import urllib.request as u; print(u.urlopen(\"http://127.0.0.1:8765/README.md\").status)'"
    // Those that waited before the change have no services: they go first.
    let old = Set(try await pool(system).sandboxes.map(\.sandbox))
    try await eventually(timeout: .seconds(60), "the old ones are gone") {
      let left = old.intersection(try await pool(system).sandboxes.map(\.sandbox))
      for sandbox in left { for pid in try system.runners(of: sandbox) { Foundation.kill(pid, SIGKILL) } }
      return left.isEmpty
    }
    let warm = try await warmed(system, beside: old)
    let session = try await system.begin(check)
    let log = try await system.finished(session)
    #expect(ready(log).map(\.sandbox) == [warm.sandbox])
    #expect(log.output() == "200\n")
    #expect(services(log) == ["web ready", "broken failed"])
    // A sandbox of its own, where none waits: the same.
    var sources: [SandboxReady.Source?] = []
    var sessions: [SessionID] = []
    for _ in 0..<3 { sessions.append(try await system.begin(check)) }
    for other in sessions {
      let log = try await system.finished(other)
      #expect(log.output() == "200\n")
      #expect(Set(services(log)) == ["web ready", "broken failed"])
      sources.append(ready(log).first?.source)
    }
    #expect(sources.contains(.image))
    // One that dies after it was ready is told, and the turn goes on.
    _ = try await system.prompt(
      session,
      #"for p in /proc/[0-9]*; do case "$(tr '\0' ' ' < $p/cmdline)" in python3*) kill "${p#/proc/}";; esac; done; echo alive"#)
    #expect(try await system.finished(session, turns: 2).output().hasSuffix("alive\n"))
    try await eventually(timeout: .seconds(60), "its end is told") { services(try await system.log(session)).last == "web ended" }
    // After a restore it runs again.
    _ = try await system.prompt(session, "echo working; sleep 300")
    try await eventually(timeout: .seconds(60), "it works") { try await system.log(session).output().hasSuffix("working\n") }
    let sandbox = try #require(ready(log).first?.sandbox)
    for pid in try system.runners(of: sandbox) { Foundation.kill(pid, SIGKILL) }
    _ = try await system.finished(session, turns: 3)
    _ = try await system.prompt(session, check)
    let restored = try await system.finished(session, turns: 4)
    #expect(restored.output().hasSuffix("working\n200\n"))
    #expect(ready(restored).last?.source == .snapshot)
  }

  private func services(_ log: [Event]) -> [String] {
    log.compactMap { if case .serviceChanged(let body) = $0.payload { "\(body.name) \(body.state.rawValue)" } else { nil } }
  }

  /// What the current image's environment says of services.
  private func setServices(_ system: RunningSystem, _ services: String) async throws {
    let script = """
      import json, sqlite3, sys
      database = sqlite3.connect(sys.argv[1], timeout=30)
      for image, text in database.execute("SELECT image, environment FROM build WHERE state = 'succeeded'").fetchall():
          environment = json.loads(text)
          environment["start"] = json.loads(sys.argv[2])
          database.execute("UPDATE build SET environment = ? WHERE image = ?", (json.dumps(environment), image))
      database.commit()
      """
    let changed = try await Command.run(["python3", "-c", script, system.data + "/serve/registry.sqlite", services])
    #expect(changed.status == 0, "\(changed.text)")
  }
}
