import Foundation
import RookeryCommands
import RookeryModel
import RookeryTestSupport
import Testing

/// Several people in one session, with an agent in a real sandbox that does what the tests need.
@Suite(.serialized, .system(configuration: TestAgent.configuration, files: TestAgent.files)) struct MultiplayerTests {
  private let grace = API.NamedAuthor(name: "Grace Hopper", email: "grace@example.com")

  private func waiting(_ system: RunningSystem, _ text: String = "wait", author: API.NamedAuthor? = nil) async throws -> SessionID {
    let session = try await system.begin(text, agent: "tester", author: author)
    try await eventually(timeout: .seconds(60), "the agent works") { try await system.log(session).message.contains("waiting;") }
    return session
  }

  // MARK: The queue

  @Test(.timeLimit(.minutes(3))) func aSteeringPromptReachesTheTurnAndItsAuthorTheCommit() async throws {
    let system = try RunningSystem.get()
    let session = try await waiting(system, author: system.ada)
    let told = try await system.prompt(session, "more", author: grace, mode: .steer).prompt
    let finish = try await system.prompt(session, "finish", author: system.ada, mode: .steer).prompt
    let log = try await system.finished(session)
    #expect(log.message == "waiting;told more;told finish;")
    #expect(log.results.map(\.steered) == [[told, finish]])
    #expect(log.results.map(\.result) == [.completed])
    let prompts = try await system.detail(session).prompts
    #expect(prompts.map(\.state) == [.completed, .completed, .completed])
    #expect(prompts.map(\.turn) == [1, 1, 1])
    let commit = try #require(try await system.git.log(of: "site", ref: "rookery/\(session)").first)
    #expect(commit.authorName == "Ada Lovelace")
    // Ada steered, too, but is the author already.
    #expect(commit.body.hasSuffix("Rookery-Session: \(session)\nCo-authored-by: Grace Hopper <grace@example.com>\n"))
    #expect(log.kinds.contains("participant.joined"))
  }

  @Test(.timeLimit(.minutes(3))) func whatCannotSteerRunsNextAndAnEventSaysWhy() async throws {
    let system = try RunningSystem.get()
    let session = try await waiting(system)
    try await system.prompt(session, "later")
    let refused = try await system.prompt(session, "not now", mode: .steer).prompt
    let deferred = try await system.event(session, "the agent does not take it in") { payload -> PromptDeferred? in
      if case .promptDeferred(let body) = payload { body } else { nil }
    }
    #expect(deferred.prompt == refused)
    try await system.prompt(session, "finish", mode: .steer)
    var log = try await system.finished(session, turns: 3)
    #expect(log.message.hasSuffix("echo not nowecho later"))
    #expect(log.results.map(\.steered?.count) == [1, nil, nil])

    // A script can't be told anything.
    let script = try await system.begin("sleep 1; echo 1")
    try await eventually(timeout: .seconds(60), "the script runs") { try await system.log(script).kinds.contains("agent.started") }
    try await system.prompt(script, "echo 3")
    try await system.prompt(script, "echo 2", mode: .steer)
    log = try await system.finished(script, turns: 3)
    #expect(log.output() == "1\n2\n3\n")
    #expect(log.kinds.contains("prompt.deferred"))
  }

  @Test(.timeLimit(.minutes(3))) func anInterruptStopsTheTurnKeepsItsWorkAndRunsNext() async throws {
    let system = try RunningSystem.get()
    let session = try await waiting(system)
    try await system.prompt(session, "last")
    let interrupt = try await system.prompt(session, "now", author: grace, mode: .interrupt).prompt
    let log = try await system.finished(session, turns: 3)
    #expect(log.results.map(\.result) == [.interrupted, .completed, .completed])
    #expect(log.message == "waiting;echo nowecho last")
    let stopping = log.compactMap { if case .turnStopping(let body) = $0.payload { body } else { nil } }
    #expect(stopping.map(\.interruptedFor) == [interrupt])
    #expect(stopping.map(\.by.name) == ["Grace Hopper"])
    #expect(log.kinds.contains("work.saved"))
    // The work of the interrupted turn is in the next one's commit, since it lies in the working copy.
    #expect(try await system.git.show("site", ref: "rookery/\(session)", path: "kept.txt") == "kept\n")
  }

  @Test(.timeLimit(.minutes(3))) func aQueueIsEditedByThoseWhoTakePart() async throws {
    let system = try RunningSystem.get()
    let session = try await waiting(system)
    var ids: [PromptID] = []
    for text in ["one", "two", "three", "four"] { ids.append(try await system.prompt(session, text).prompt) }
    let second = ids[1]
    try await system.api { try await $0.send(.DELETE, "/v1/sessions/\(session)/prompts/\(second)") }
    let move = API.EditPrompt(requestId: "move-1", before: ids[0])
    let receipt = try await system.edit(session, ids[3], move)
    #expect(try await system.edit(session, ids[3], move) == receipt)
    await #expect(throws: RookeryError.self) { try await system.edit(session, ids[3], API.EditPrompt(requestId: "move-1", last: true)) }
    try await system.edit(session, ids[2], API.EditPrompt(requestId: "edit-1", text: "THREE"))
    await #expect(throws: RookeryError.self) { try await system.edit(session, ids[1], API.EditPrompt(requestId: "edit-2", text: "gone")) }
    let queue = try await system.cli("queue", session.rawValue, "--json")
    let listed = try JSON.decode([Prompt].self, from: Data(queue.output.utf8))
    #expect(listed.map(\.text) == ["four", "one", "THREE"])
    // The order and the texts are on disk.
    try system.kill("serve")
    try await system.untilHealthy()
    // The agent may not be reached yet: the stop is carried out all the same.
    try await system.api { try await $0.send(.POST, "/v1/sessions/\(session)/stop") }
    let log = try await system.finished(session, turns: 4)
    #expect(log.results.map(\.result) == [.interrupted, .completed, .completed, .completed])
    #expect(log.message.hasSuffix("echo fourecho oneecho THREE"))
    #expect(log.count { $0.payload.kind == "prompt.moved" } == 1)
    #expect(log.count { $0.payload.kind == "prompt.cancelled" } == 1)
  }

  // MARK: Stop

  @Test(.timeLimit(.minutes(3)), arguments: ["hang", "wait"]) func stopEndsAnyAgentWithinTwoSeconds(_ text: String) async throws {
    let system = try RunningSystem.get()
    let session = try await system.begin(text, agent: "tester")
    try await eventually(timeout: .seconds(60), "the agent works") { try await !system.log(session).message.isEmpty }
    try await system.api { try await $0.send(.POST, "/v1/sessions/\(session)/stop") }
    let log = try await system.finished(session)
    let asked = try #require(log.first { $0.payload.kind == "turn.stopping" }?.time)
    let ended = try #require(
      log.first { if case .stepFinished(let body) = $0.payload { body.step == .work } else { false } }?.time)
    #expect(ended.timeIntervalSince(asked) < 2)
    #expect(log.results.map(\.result) == [.interrupted])
    // What it had written is kept, and the session goes on.
    #expect(log.kinds.contains("work.saved"))
    try await system.prompt(session, "go on")
    #expect(try await system.finished(session, turns: 2).results.last?.result == .completed)
    #expect(try await system.git.show("site", ref: "rookery/\(session)", path: "kept.txt") == "kept\n")
  }

  // MARK: Permissions

  private func question(_ system: RunningSystem, _ session: SessionID) async throws -> PermissionRequested {
    try await system.event(session, "the agent asks") { payload -> PermissionRequested? in
      if case .permissionRequested(let body) = payload { body } else { nil }
    }
  }

  private func answers(_ log: [Event]) -> [PermissionAnswered] {
    log.compactMap { if case .permissionAnswered(let body) = $0.payload { body } else { nil } }
  }

  @Test(.timeLimit(.minutes(3))) func participantsAnswerWhatTheAgentAsks() async throws {
    let system = try RunningSystem.get()
    let session = try await system.begin("ask to build", agent: "tester")
    let asked = try await question(system, session)
    #expect(asked.detail == "ask to build")
    #expect(asked.options.map(\.name) == ["Yes", "No"])
    #expect(try await system.detail(session).permissions == [asked])
    // The server is killed while the agent waits: the question is open all the same.
    try system.kill("serve")
    try await system.untilHealthy()
    try await eventually(timeout: .seconds(30), "the question is open again") { try await system.detail(session).permissions == [asked] }
    let answer = try await system.cli("answer", session.rawValue, "--allow")
    #expect(answer.status == 0, "\(answer.text)")
    let log = try await system.finished(session)
    #expect(log.message == "answer yes")
    let given = answers(log)
    #expect(given.map(\.source) == [.participant])
    #expect(given.map(\.allowed) == [true])
    #expect(given.first?.id == asked.id)
    let late = await #expect(throws: RookeryError.self) {
      try await system.api { try await $0.send("/v1/sessions/\(session)/permissions/nothing", API.AnswerPermission(option: 0)) }
    }
    #expect(late?.code == .conflict)
  }

  @Test(.timeLimit(.minutes(3))) func whatNobodyAnswersIsRefused() async throws {
    let system = try RunningSystem.get()
    let session = try await system.begin("patient", agent: "tester")
    let log = try await system.finished(session)
    #expect(log.message == "answer no")
    #expect(answers(log).map(\.source) == [.timeout])
    #expect(answers(log).map(\.allowed) == [false])
    let denied = try await system.begin("ask for the forbidden", agent: "tester")
    let second = try await system.finished(denied)
    #expect(second.message == "answer no")
    #expect(!second.kinds.contains("permission.requested"))
  }

  // MARK: Files

  @Test(.timeLimit(.minutes(3))) func filesReachTheAgent() async throws {
    let system = try RunningSystem.get()
    let picture = Data([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 1, 2, 3])
    let large = Data((0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) })
    let (first, second) = try await system.api { api in
      (try await api.upload(picture, name: "../shot one.png"), try await api.upload(large, name: "data.bin"))
    }
    #expect(first.name == "shot one.png")
    #expect(first.mediaType == "image/png")
    let session = try await waiting(system)
    try await system.prompt(session, "files please", attachments: [first.digest, second.digest])
    try await system.prompt(session, "finish", mode: .steer)
    let log = try await system.finished(session, turns: 2)
    #expect(log.message.hasSuffix("text,image 12,3000000 shot one.png"))
    let path = "/v1/sessions/\(session)/attachments/\(second.digest)"
    #expect(try await system.api { try await $0.bytes(path) } == large)
    let unknown = await #expect(throws: RookeryError.self) {
      try await system.prompt(session, "x", attachments: [String(repeating: "0", count: 64)])
    }
    #expect(unknown?.code == .notFound)

    // A script finds them in a directory, and no commit has them.
    let file = try system.directory.write("from the command line\n", to: "notes.txt")
    let run = try await system.cli(
      "run", "--repo", "site", "--agent", "command", "--attach", file, "cat \"$ROOKERY_ATTACHMENTS/notes.txt\"")
    #expect(run.status == 0, "\(run.text)")
    #expect(run.output.contains("from the command line"))
  }

  // MARK: Sessions that agents start

  @Test(.timeLimit(.minutes(3))) func anAgentStartsSessionsAndReadsThem() async throws {
    let system = try RunningSystem.get()
    func tool(_ name: String, _ arguments: String, _ turns: Int, in session: SessionID) async throws -> String {
      try await system.prompt(session, "tool \(name) \(arguments)", author: system.ada)
      let log = try await system.finished(session, turns: turns)
      return String(log.message.split(separator: ";").last ?? "")
    }
    let session = try await system.begin("hello", agent: "tester", author: system.ada)
    _ = try await system.finished(session)
    let started = try JSON.decode(
      [String: String].self, from: Data(try await tool("start_session", #"{"prompt":"from above"}"#, 2, in: session).utf8))
    let child = try SessionID(try #require(started["session"]))
    let waited = try JSON.decode(
      [String: String].self, from: Data(try await tool("wait", #"{"session":"\#(child)","seconds":30}"#, 3, in: session).utf8))
    #expect(waited["state"] == "idle" && waited["result"] == "completed" && waited["said"] == "echo from above")
    let detail = try await system.detail(child)
    #expect(detail.session.parent == session)
    #expect(detail.session.owner.email == system.ada.email)
    #expect(try await system.log(session).kinds.contains("child.started"))
    _ = try await tool("send_prompt", #"{"session":"\#(child)","prompt":"and more"}"#, 4, in: session)
    #expect(try await system.finished(child, turns: 2).message == "echo from aboveecho and more")

    // Bounded: two in all, one level deep, and no session but those below.
    #expect(try await tool("start_session", #"{"prompt":"second"}"#, 5, in: session).contains("branch"))
    #expect(try await tool("start_session", #"{"prompt":"third"}"#, 6, in: session).contains("at most 2"))
    #expect(try await tool("start_session", #"{"prompt":"deep"}"#, 3, in: child).contains("at most 1 below"))
    #expect(try await tool("session_status", #"{"session":"\#(session)"}"#, 4, in: child).contains("There is no session"))
    let listed = try await system.cli("sessions")
    #expect(listed.output.contains("└ from above"))
  }

  // MARK: People

  @Test(.timeLimit(.minutes(3))) func aPrivateSessionExistsForItsParticipantsAlone() async throws {
    let system = try RunningSystem.get()
    let session = try await system.begin("echo hello", author: system.ada)
    _ = try await system.finished(session)
    let made = try await system.cli("people", "access", session.rawValue, "private")
    #expect(made.status == 0, "\(made.text)")
    let (ada, grace) = (try await Member.signIn(system, system.ada), try await Member.signIn(system, grace))
    let missing = try await grace.ask("GET", "/v1/sessions/s00000000000000000000")
    let hidden = try await grace.ask("GET", "/v1/sessions/\(session)")
    #expect(missing.status == 404)
    #expect(hidden.status == 404)
    #expect(hidden.body.replacing(session.rawValue, with: "s00000000000000000000") == missing.body)
    for path in ["events", "diff", "participants", "snapshots", "invitations"] {
      #expect(try await grace.ask("GET", "/v1/sessions/\(session)/\(path)").status == 404, "\(path)")
    }
    #expect(try await !grace.ask("GET", "/v1/sessions").body.contains(session.rawValue))
    #expect(try await grace.ask("POST", "/v1/sessions/\(session)/prompts", #"{"requestId":"x","text":"x"}"#).status == 404)

    // Ada lets her watch, by a link for one.
    let link = try await ada.ask("POST", "/v1/sessions/\(session)/invitations", #"{"role":"viewer","uses":1}"#)
    let invitation = try JSON.decode(API.NewInvitation.self, from: Data(link.body.utf8))
    let secret = try #require(invitation.url.reveal().split(separator: "/").last)
    let body = #"{"secret":"\#(secret)"}"#
    #expect(try await grace.ask("POST", "/v1/sessions/\(session)/participants", #"{"secret":"rkj_wrong"}"#).status == 404)
    #expect(try await grace.ask("POST", "/v1/sessions/\(session)/participants", body).status == 200)
    #expect(try await grace.ask("GET", "/v1/sessions/\(session)").status == 200)
    #expect(try await grace.ask("POST", "/v1/sessions/\(session)/prompts", #"{"requestId":"x","text":"x"}"#).status == 403)
    #expect(try await grace.ask("POST", "/v1/sessions/\(session)/stop").status == 403)
    #expect(try await grace.ask("PATCH", "/v1/sessions/\(session)", #"{"access":"team"}"#).status == 403)
    let third = try await Member.signIn(system, API.NamedAuthor(name: "Third", email: "third@example.com"))
    #expect(try await third.ask("POST", "/v1/sessions/\(session)/participants", body).status == 404)

    // She becomes a collaborator, prompts as herself, and is removed.
    let people = try await system.api { try await $0.get("/v1/sessions/\(session)/participants", as: API.People.self) }
    let user = try #require(people.participants.first { $0.person.email == grace.email }?.person.user)
    #expect(try await ada.ask("PATCH", "/v1/sessions/\(session)/participants/\(user)", #"{"role":"collaborator"}"#).status == 200)
    let named = #"{"requestId":"as","text":"x","author":{"name":"Ada Lovelace","email":"ada@example.com"}}"#
    #expect(try await grace.ask("POST", "/v1/sessions/\(session)/prompts", named).status == 403)
    #expect(try await grace.ask("POST", "/v1/sessions/\(session)/prompts", #"{"requestId":"own","text":"echo hers"}"#).status == 201)
    let log = try await system.finished(session, turns: 2)
    #expect(try await system.detail(session).prompts.last?.author.email == grace.email)
    #expect(log.kinds.count { $0 == "participant.joined" } == 2)
    #expect(try await ada.ask("DELETE", "/v1/sessions/\(session)/participants/\(user)").status == 204)
    #expect(try await grace.ask("GET", "/v1/sessions/\(session)").status == 404)
    #expect(try await system.log(session).last?.payload.kind == "participant.left")
  }
}
