import Foundation
import RookeryCommands
import RookeryModel
import RookeryRehearsal
import RookeryTestSupport
import Testing

/// Points that sessions go back to: each turn's end leaves one, and a session of its own can go on from any.
@Suite(.serialized, .system()) struct SnapshotTests {
  private func post<Body: Encodable & Sendable, Answer: Decodable & Sendable>(
    _ path: String, _ body: Body, as: Answer.Type
  ) async throws -> Answer {
    try await RunningSystem.get().api { try await $0.post(path, body, as: Answer.self) }
  }

  private func snapshots(_ session: SessionID) async throws -> [API.SessionSnapshot] {
    try await RunningSystem.get().api { try await $0.get("/v1/sessions/\(session)/snapshots", as: API.Snapshots.self) }.snapshots
  }

  @Test(.timeLimit(.minutes(5))) func aForkGoesOnFromAnEarlierPointByItself() async throws {
    let system = try RunningSystem.get()
    let session = try await system.begin("echo one > state; echo kept > ~/outside")
    _ = try await system.finished(session)
    _ = try await system.prompt(session, "echo two > state")
    let log = try await system.finished(session, turns: 2)
    let points = try await snapshots(session)
    #expect(points.map(\.turn) == [1, 2])
    #expect(log.results.map(\.snapshot) == points.map(\.id))

    let fork = API.ForkSession(requestId: "fork-1", prompt: "cat state ~/outside; echo three > state", at: points[0].seq)
    let receipt = try await post("/v1/sessions/\(session)/fork", fork, as: API.PromptReceipt.self)
    // The same request makes the same session.
    #expect(try await post("/v1/sessions/\(session)/fork", fork, as: API.PromptReceipt.self) == receipt)
    let forked = try await system.finished(receipt.session)
    #expect(forked.output() == "one\nkept\n")
    guard case .sessionCreated(let created) = forked[0].payload else { throw RookeryError(.internal, "no first event") }
    #expect(created.forkedFrom == .init(session: session, seq: points[0].seq))
    #expect(try await system.git.show("site", ref: "rookery/\(receipt.session)", path: "state") == "three\n")
    #expect(try await system.git.show("site", ref: "rookery/\(session)", path: "state") == "two\n")

    // The fork's own reference keeps what it stands on.
    try await system.api { try await $0.send(.DELETE, "/v1/sessions/\(session)") }
    _ = try await system.prompt(receipt.session, "cat state")
    #expect(try await system.finished(receipt.session, turns: 2).output() == "one\nkept\nthree\n")
  }

  @Test(.timeLimit(.minutes(5))) func whatIsBeforeTheFirstSnapshotCanNotBeForked() async throws {
    let system = try RunningSystem.get()
    let session = try await system.begin("true")
    _ = try await system.finished(session)
    let error = await #expect(throws: RookeryError.self) {
      try await post(
        "/v1/sessions/\(session)/fork", API.ForkSession(requestId: "early", prompt: "true", at: 1), as: API.PromptReceipt.self)
    }
    #expect(error?.code == .notFound && error?.mend.contains("first snapshot") == true)
  }

  @Test(.timeLimit(.minutes(5))) func oneIsTakenOnRequest() async throws {
    let system = try RunningSystem.get()
    let session = try await system.begin("true")
    _ = try await system.finished(session)
    let taken = try await system.api { try await $0.post("/v1/sessions/\(session)/snapshots", as: API.SessionSnapshot.self) }
    #expect(try await snapshots(session).last?.id == taken.id)
    let listed = try await system.cli("snapshot", session.rawValue)
    #expect(listed.status == 0 && listed.output.contains(taken.id.rawValue), "\(listed.text)")
  }

  /// The same search that images pass: what holds a secret of the server's is not kept where anybody could start from it.
  @Test(.timeLimit(.minutes(3))) func noneIsTakenOfWhatHoldsACredential() async throws {
    let system = try RunningSystem.get()
    let half = RunningSystem.modelKey.count / 2
    let (start, end) = (RunningSystem.modelKey.prefix(half), RunningSystem.modelKey.dropFirst(half))
    let session = try await system.begin("printf '%s%s' '\(start)' '\(end)' | base64 > ~/leak")
    let log = try await system.finished(session)
    #expect(log.results.map(\.result) == [.completed])
    #expect(log.results[0].snapshot == nil)
    let notice = log.compactMap { if case .notice(let body) = $0.payload { body.text } else { nil } }.first { $0.contains("leak") }
    #expect(notice?.contains(RunningSystem.modelKey) == false)
    #expect(try await snapshots(session).isEmpty)
    _ = try await system.prompt(session, "rm ~/leak")
    #expect(try await system.finished(session, turns: 2).results[1].snapshot != nil)
  }

  @Test(.timeLimit(.minutes(5))) func nothingIsLeftOfADeletedSession() async throws {
    let system = try RunningSystem.get()
    let session = try await system.begin("echo secret > secret.txt; sleep 600")
    try await eventually(timeout: .seconds(60), "the command runs") { try await system.log(session).kinds.contains("agent.started") }
    let sandbox = try #require(
      try await system.log(session).compactMap { if case .sandboxReady(let body) = $0.payload { body.sandbox } else { nil } }.first)
    let deleted = try await system.cli("delete", session.rawValue)
    #expect(deleted.status == 0, "\(deleted.text)")
    #expect(try system.runners(of: sandbox).isEmpty)
    let gone = await #expect(throws: RookeryError.self) { try await system.detail(session) }
    #expect(gone?.code == .notFound)
    let sessions = try await system.api { try await $0.get("/v1/sessions", as: API.Sessions.self) }.sessions
    #expect(!sessions.contains { $0.id == session })
    #expect(!FileManager.default.fileExists(atPath: system.data + "/serve/sessions/\(session)"))
    let left = try await Command.run(["find", system.data + "/host", "-name", "*\(session)*", "-o", "-name", "*\(sandbox)*"])
    #expect(left.output == "", "\(left.output)")
  }
}

/// A sandbox without prompts stands still, then makes room; the next prompt finds everything as it was.
@Suite(.serialized, .system(idlePauseSeconds: 1, idleReleaseSeconds: 600)) struct PauseTests {
  @Test(.timeLimit(.minutes(5))) func anIdleSandboxStandsStillAndTheNextPromptWakesIt() async throws {
    let system = try RunningSystem.get()
    let session = try await system.begin("(while :; do date +%s%N > ~/next; mv ~/next ~/tick; sleep 0.05; done) & echo started")
    _ = try await system.finished(session)
    try await eventually(timeout: .seconds(60), "the sandbox is paused") { try await system.log(session).kinds.last == "sandbox.paused" }
    // A restart of ours changes nothing about it.
    try system.kill("serve")
    try await system.untilHealthy()
    _ = try await system.prompt(session, "cat ~/tick; sleep 0.3; cat ~/tick")
    let log = try await system.finished(session, turns: 2)
    #expect(log.kinds.contains("sandbox.resumed"))
    let sources = log.compactMap { if case .sandboxReady(let body) = $0.payload { body.source } else { nil } }
    #expect(sources == [.image, .running])
    let ticks = log.output().split(separator: "\n").dropFirst().compactMap { Int($0) }
    #expect(ticks.count == 2 && ticks[0] < ticks[1], "what ran goes on: \(ticks)")
  }
}

@Suite(.serialized, .system(idlePauseSeconds: 600, idleReleaseSeconds: 1)) struct ReleaseTests {
  @Test(.timeLimit(.minutes(10))) func aReleasedSandboxComesBackWithTheAgentsConversation() async throws {
    let system = try RunningSystem.get()
    _ = try await system.cli("agent", "install", "agentao", timeout: .seconds(400))
    let session = try await system.begin("Add an overview of this repository", agent: "agentao")
    _ = try await system.finished(session)
    try await eventually(timeout: .seconds(90), "the sandbox is released") {
      try await system.log(session).kinds.count { $0 == "snapshot.taken" } >= 2
    }
    _ = try await system.prompt(session, "Once more, please")
    let log = try await system.finished(session, turns: 2)
    #expect(log.results.map(\.result) == [.completed, .completed])
    let sources = log.compactMap { if case .sandboxReady(let body) = $0.payload { body.source } else { nil } }
    #expect(sources == [.image, .snapshot])
    let conversations = log.compactMap { if case .agentStarted(let body) = $0.payload { body.conversation } else { nil } }
    #expect(conversations == [.new, .resumed])
  }
}

/// A sandbox that ends without a farewell takes the agent's own record with it: the log has one.
@Suite(.serialized, .system()) struct RetellingTests {
  @Test(.timeLimit(.minutes(10))) func anAgentThatLostItsRecordIsToldTheLog() async throws {
    let system = try RunningSystem.get()
    _ = try await system.cli("agent", "install", "agentao", timeout: .seconds(400))
    let session = try await system.begin("Add an overview of this repository", agent: "agentao")
    let first = try await system.finished(session)
    let sandbox = try #require(first.compactMap { if case .sandboxReady(let body) = $0.payload { body.sandbox } else { nil } }.first)
    for pid in try system.runners(of: sandbox) { kill(pid, SIGKILL) }
    try await eventually(timeout: .seconds(30), "the sandbox is gone") { try system.runners(of: sandbox).isEmpty }
    _ = try await system.prompt(session, "Once more, please")
    let log = try await system.finished(session, turns: 2)
    #expect(log.results.map(\.result) == [.completed, .completed])
    let conversations = log.compactMap { if case .agentStarted(let body) = $0.payload { body.conversation } else { nil } }
    #expect(conversations == [.new, .retold])
    // Its model heard the first prompt, and what came of it.
    #expect(
      system.model.journal.prompts.contains { $0.contains("asked: Add an overview of this repository") && $0.contains("Once more, please") }
    )
  }
}

/// The sandbox's time is nearly over in the middle of a turn: people are warned, the work is kept, the session goes on.
@Suite(.serialized, .system(runtimeSeconds: 30)) struct TimeTests {
  @Test(.timeLimit(.minutes(5))) func aTurnThatOutlastsItsSandboxIsWarnedAndKept() async throws {
    let system = try RunningSystem.get()
    let session = try await system.begin("echo half > half.txt; sleep 600")
    let log = try await system.finished(session, timeout: .seconds(120))
    #expect(log.results.map(\.result) == [.failed])
    #expect(log.results.first?.error?.code == .limitHit)
    let kinds = log.kinds
    let (warning, hit) = (try #require(kinds.firstIndex(of: "limit.warning")), try #require(kinds.firstIndex(of: "limit.hit")))
    #expect(warning < hit)
    #expect(kinds.contains("work.saved") && log.results.first?.snapshot != nil)
    _ = try await system.prompt(session, "cat half.txt")
    let after = try await system.finished(session, turns: 2, timeout: .seconds(120))
    #expect(after.results.last?.result == .completed && after.output() == "half\n")
  }
}
