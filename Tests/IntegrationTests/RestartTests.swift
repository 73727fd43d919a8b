import Foundation
import RookeryCommands
import RookeryModel
import RookeryRehearsal
import RookeryTestSupport
import Testing

/// Our processes are killed in the middle of turns: the agents never notice, and the log is the one that would have been.
@Suite(.serialized, .system(repositories: ["site"])) struct RestartTests {
  /// Prints numbered lines for a few seconds, on both streams, and changes a file.
  static let script = """
    for i in $(seq 1 150); do echo "line $i"; [ $((i % 50)) = 0 ] && echo "error $i" >&2; sleep 0.02; done
    echo changed > changed.txt
    """
  static let lines = (1...150).map { "line \($0)\n" }.joined()

  private func check(_ log: [Event], _ session: SessionID, _ system: RunningSystem) async throws {
    #expect(log.map(\.seq) == Array(1...Int64(log.count)))
    #expect(log.results.map(\.result) == [.completed])
    #expect(log.output() == Self.lines)
    #expect(log.output(.stderr) == "error 50\nerror 100\nerror 150\n")
    #expect(try await system.git.show("site", ref: "rookery/\(session)", path: "changed.txt") == "changed\n")
  }

  @Test(.timeLimit(.minutes(10)), arguments: 0..<6) func killingTheServerLosesAndRepeatsNothing(round: Int) async throws {
    let system = try RunningSystem.get()
    let session = try await system.begin(Self.script)
    // At a random moment of the turn, whatever step it is in then.
    let pause = Int.random(in: 0...3500)
    try await Task.sleep(for: .milliseconds(pause))
    try system.kill("serve")
    try await system.untilHealthy()
    let log = try await system.finished(session)
    try await check(log, session, system)
    let undisturbed = try await system.begin(Self.script)
    let expected = try await system.finished(undisturbed).comparable
    #expect(log.comparable == expected, "killed after \(pause) ms")
  }

  @Test(.timeLimit(.minutes(10)), arguments: ["host", "gateway"]) func killingAnotherProcessDisturbsNothing(_ process: String) async throws
  {
    let system = try RunningSystem.get()
    for _ in 0..<2 {
      let session = try await system.begin(Self.script)
      try await Task.sleep(for: .milliseconds(Int.random(in: 0...3000)))
      try system.kill(process)
      try await check(try await system.finished(session), session, system)
      try await system.untilHealthy()
    }
  }

  @Test(.timeLimit(.minutes(10))) func theAgentsModelStreamOutlivesTheServer() async throws {
    let system = try RunningSystem.get()
    _ = try await system.cli("agent", "install", "agentao", timeout: .seconds(400))
    for kind in ["tool.call", "agent.message"] {
      let session = try await system.begin("Add an overview of this repository", agent: "agentao")
      try await eventually(timeout: .seconds(90), "the agent works") { try await system.log(session).kinds.contains(kind) }
      try system.kill("serve")
      try await system.untilHealthy()
      let log = try await system.finished(session)
      #expect(log.results.map(\.result) == [.completed])
      #expect(log.kinds.count { $0 == "agent.started" } == 1)
      #expect(log.message.contains("I checked that the table has rows"))
      #expect(log.map(\.seq) == Array(1...Int64(log.count)))
    }
    #expect(system.model.journal.failures == [])
  }

  @Test(.timeLimit(.minutes(10))) func aSandboxThatDiesKeepsItsWork() async throws {
    let system = try RunningSystem.get()
    let session = try await system.begin("echo precious > precious.txt; echo ready; sleep 300")
    try await eventually(timeout: .seconds(60), "the command runs") { try await system.log(session).output() == "ready\n" }
    // From outside, as the kernel or an operator would.
    let sandbox = try #require(
      try await system.log(session).compactMap { if case .sandboxReady(let body) = $0.payload { body.sandbox } else { nil } }.first)
    for pid in try system.runners(of: sandbox) { Foundation.kill(pid, SIGKILL) }
    let log = try await system.finished(session, timeout: .seconds(60))
    #expect(log.results.first?.error?.code == .sandboxLost)
    #expect(log.kinds.contains("snapshot.taken"))
    _ = try await system.prompt(session, "cat precious.txt")
    #expect(try await system.finished(session, turns: 2).output() == "ready\nprecious\n")
  }

  @Test(.timeLimit(.minutes(10))) func promptsThatWaitedRunAfterARestart() async throws {
    let system = try RunningSystem.get()
    let session = try await system.begin("sleep 2; echo 1")
    for number in 2...4 { _ = try await system.prompt(session, "echo \(number)") }
    try system.kill("serve")
    let log = try await system.finished(session, turns: 4)
    #expect(log.output() == "1\n2\n3\n4\n")
    #expect(log.results.map(\.result) == Array(repeating: .completed, count: 4))
  }
}
