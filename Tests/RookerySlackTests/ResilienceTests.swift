import Foundation
import RookeryConfiguration
import RookeryModel
import RookeryStore
import RookeryTestSupport
import Testing

@testable import RookerySlack

/// What may go wrong between Slack and us, and that nobody notices but by the time that it takes.
@Suite(.timeLimit(.minutes(2))) struct ResilienceTests {
  @Test func aRestartInTheMiddleLosesAndRepeatsNothing() async throws {
    try await SlackFixture.run { fixture in
      let ts = await fixture.mention("in billing fix it")
      let session = try await fixture.session(ts)
      let turn = await fixture.sessions.start(session)
      try await fixture.answer("Preparing a sandbox", to: ts)
      await fixture.kill()
      // Meanwhile the session goes on, and people write.
      await fixture.sessions.append(session, .agentMessage(TextChunk(text: "While you were away.")), turn: turn)
      await fixture.sessions.finish(session)
      let reply = await fixture.slack.write("and a test", as: SlackFixture.bob, in: SlackFixture.general, thread: ts)
      await fixture.start()
      try await fixture.answer("While you were away.", to: ts)
      try await eventually("the reply's prompt") { await fixture.sessions.prompts(session).count == 2 }
      await fixture.sessions.play(session, answer: "Second.")
      try await fixture.answer("Second.", to: ts)
      try await eventually("the marks") {
        fixture.slack.reactions(channel: SlackFixture.general, ts: reply) == ["white_check_mark"]
          && fixture.slack.reactions(channel: SlackFixture.general, ts: ts) == ["white_check_mark"]
      }
      let messages = fixture.slack.ours(in: SlackFixture.general, thread: ts)
      #expect(messages.count == 5, "a start, and progress and result of each turn: \(messages.map(\.text))")
      let edits = messages.map(\.edits)
      await fixture.kill()
      await fixture.start()
      try await Task.sleep(for: .milliseconds(600))
      #expect(fixture.slack.ours(in: SlackFixture.general, thread: ts).map(\.edits) == edits, "nothing is sent again")
    }
  }

  @Test func killedAtAnyMomentItStartsOneSession() async throws {
    for pause in [0, 15, 40, 80, 150] {
      try await SlackFixture.run { fixture in
        let ts = await fixture.mention("in billing fix it")
        try await Task.sleep(for: .milliseconds(pause))
        await fixture.kill()
        await fixture.start()
        let session = try await fixture.session(ts)
        await fixture.sessions.play(session)
        try await fixture.answer("All done.", to: ts)
        #expect(await fixture.sessions.all.count == 1)
        #expect(await fixture.sessions.prompts(session).count == 1)
        let messages = fixture.slack.ours(in: SlackFixture.general, thread: ts)
        #expect(messages.count { $0.text.contains("Starting work") } == 1, "\(messages.map(\.text))")
      }
    }
  }

  @Test func duplicatesAndReorderedDeliveriesChangeNothing() async throws {
    try await SlackFixture.run { fixture in
      let text = "<@\(SlackDouble.bot)> in billing fix it"
      let ts = await fixture.slack.write(text, as: SlackFixture.ada, in: SlackFixture.general, isDelivered: false)
      let reply = await fixture.slack.write(
        "and a test", as: SlackFixture.bob, in: SlackFixture.general, thread: ts, isDelivered: false)
      let first = fixture.slack.events(of: try #require(fixture.slack.message(channel: SlackFixture.general, ts: ts)))
      let second = fixture.slack.events(of: try #require(fixture.slack.message(channel: SlackFixture.general, ts: reply)))
      // The reply comes before what it replies to, and everything comes again.
      for event in second + first + first + second + first { await fixture.slack.deliver(event) }
      let session = try await fixture.session(ts)
      try await eventually("both prompts") { await fixture.sessions.prompts(session).count == 2 }
      try await eventually("everything taken") { await fixture.slack.unacknowledged() == 0 }
      await fixture.sessions.play(session)
      await fixture.sessions.play(session, answer: "Both done.")
      try await fixture.answer("Both done.", to: ts)
      #expect(await fixture.sessions.all.count == 1)
      #expect(await fixture.sessions.prompts(session).map(\.author.name) == ["Ada", "Bob"])
    }
  }

  @Test func stormsOfLimitsAreWaitedOut() async throws {
    try await SlackFixture.run { fixture in
      let faults = ["chat.postMessage", "chat.update", "reactions.add", "users.info", "conversations.replies", "chat.postMessage"]
      fixture.slack.fail(faults.map { SlackDouble.Fault($0, .limited(seconds: 0.1)) })
      fixture.slack.fail([SlackDouble.Fault("chat.postMessage", .status(503)), SlackDouble.Fault("chat.update", .code("internal_error"))])
      let ts = await fixture.mention("in billing fix it")
      let session = try await fixture.session(ts)
      await fixture.sessions.play(session)
      try await fixture.answer("All done.", to: ts)
      let messages = fixture.slack.ours(in: SlackFixture.general, thread: ts)
      #expect(messages.first?.text.contains("Starting work") == true, "order is kept")
      #expect(messages.last?.everything.contains("All done.") == true)
    }
  }

  @Test func aPostWhoseAnswerWasLostIsFoundAgain() async throws {
    try await SlackFixture.run { fixture in
      fixture.slack.fail([SlackDouble.Fault("chat.postMessage", .lostAnswer), SlackDouble.Fault("chat.postMessage", .lostAnswer)])
      let ts = await fixture.mention("in billing fix it")
      let session = try await fixture.session(ts)
      await fixture.sessions.play(session)
      try await fixture.answer("All done.", to: ts)
      #expect(fixture.slack.ours(in: SlackFixture.general, thread: ts).count == 3)
    }
  }

  @Test func anOutageBlocksNoSessionAndTheThreadCatchesUp() async throws {
    try await SlackFixture.run { fixture in
      let ts = await fixture.mention("in billing fix it")
      let session = try await fixture.session(ts)
      try await fixture.answer("Starting work", to: ts)
      fixture.slack.setOutage(true)
      await fixture.slack.dropSockets()
      let turn = await fixture.sessions.start(session)
      for number in 0..<60 {
        await fixture.sessions.append(
          session,
          .toolCall(
            ToolCall(id: "c\(number)", title: "Step \(number).", kind: "read", status: "completed", content: [], locations: [], input: nil)),
          turn: turn)
      }
      await fixture.sessions.append(session, .agentMessage(TextChunk(text: "Done meanwhile.")), turn: turn)
      await fixture.sessions.finish(session)
      #expect(await fixture.sessions.all.first?.state == .idle)
      let before = fixture.slack.ours(in: SlackFixture.general, thread: ts).count
      let missed = await fixture.slack.write("and a test", as: SlackFixture.bob, in: SlackFixture.general, thread: ts)
      try await Task.sleep(for: .milliseconds(300))
      #expect(fixture.slack.ours(in: SlackFixture.general, thread: ts).count == before)
      fixture.slack.setOutage(false)
      try await fixture.answer("Done meanwhile.", to: ts)
      try await eventually("what was written meanwhile") { await fixture.sessions.prompts(session).count == 2 }
      #expect(try await fixture.registry.slackPrompt(channel: SlackFixture.general, ts: missed) != nil)
      let keys = fixture.slack.ours(in: SlackFixture.general, thread: ts).compactMap { $0.metadata?["event_payload"]?["key"]?.string }
      #expect(Set(keys).count == keys.count, "each message once: \(keys)")
    }
  }

  @Test func tenThreadsAtOnceStayApart() async throws {
    try await SlackFixture.run { fixture in
      var threads: [String] = []
      for number in 0..<10 {
        threads.append(await fixture.mention("in \(number.isMultiple(of: 2) ? "billing" : "storefront") do \(number)"))
      }
      var sessions: [SessionID] = []
      for ts in threads { sessions.append(try await fixture.session(ts)) }
      #expect(Set(sessions).count == 10)
      for (number, session) in sessions.enumerated() { await fixture.sessions.play(session, answer: "Answer \(number).") }
      for (number, ts) in threads.enumerated() {
        try await fixture.answer("Answer \(number).", to: ts)
        let others = fixture.slack.ours(in: SlackFixture.general, thread: ts).filter { message in
          (0..<10).contains { $0 != number && message.everything.contains("Answer \($0).") }
        }
        #expect(others.isEmpty)
      }
    }
  }

  @Test func slacksPaceIsKept() async throws {
    try await SlackFixture.run(isStarted: false) { fixture in
      fixture.slack.enforceRates()
      await fixture.start(pace: SlackSender.Pace())
      let ts = await fixture.mention("in billing fix it")
      let session = try await fixture.session(ts)
      await fixture.sessions.play(session)
      try await fixture.answer("All done.", to: ts)
      #expect(fixture.slack.ours(in: SlackFixture.general, thread: ts).count == 3)
      #expect(fixture.slack.calls.count { $0 == "chat.postMessage" } == 3, "none was refused")
    }
  }

  @Test func aRefreshReplacesTheSocketWithoutAGap() async throws {
    try await SlackFixture.run { fixture in
      try await eventually("a socket") { await fixture.slack.socketCount() == 1 }
      for reason in ["warning", "refresh_requested"] {
        let before = await fixture.slack.socketHistory().opened
        await fixture.slack.refresh(reason)
        let ts = await fixture.mention("in billing fix it")
        _ = try await fixture.session(ts)
        try await eventually("one new socket") {
          let opened = await fixture.slack.socketHistory().opened
          return await fixture.slack.socketCount() == 1 && opened == before + 1
        }
      }
      let most = await fixture.slack.socketHistory().most
      #expect(most == 2, "the replacement was there before the old one went: \(most)")
      await fixture.slack.dropSockets()
      let ts = await fixture.mention("in storefront fix it")
      _ = try await fixture.session(ts)
    }
  }

  @Test func overHTTPRequestsAreSignedAndKept() async throws {
    try await SlackFixture.run(transport: .http) { fixture in
      let service = try #require(fixture.service)
      let ts = await fixture.slack.write(
        "<@\(SlackDouble.bot)> in billing fix it", as: SlackFixture.ada, in: SlackFixture.general, isDelivered: false)
      let message = try #require(fixture.slack.message(channel: SlackFixture.general, ts: ts))
      func send(_ body: Data, _ kind: SlackService.Kind = .event, secret: String = SlackDouble.signingSecret) async throws -> String? {
        let headers = SlackDouble.signature(body, secret: secret)
        return try await service.receive(
          kind, body: body, timestamp: headers["X-Slack-Request-Timestamp"], signature: headers["X-Slack-Signature"])
      }
      #expect(try await send(Data(#"{"type":"url_verification","challenge":"abc"}"#.utf8)) == "abc")
      for event in fixture.slack.events(of: message) {
        let body = try JSON.encode(event)
        await #expect { try await send(body, secret: "wrong") } throws: { ($0 as? RookeryError)?.code == .unauthenticated }
        #expect(try await send(body) == nil)
        #expect(try await send(body) == nil, "again, as Slack does without an answer in time")
      }
      let session = try await fixture.session(ts)
      #expect(await fixture.sessions.all.count == 1)
      await fixture.sessions.start(session)
      let press: JSONValue = [
        "type": "block_actions", "team": ["id": .string(SlackDouble.team)], "user": ["id": .string(SlackFixture.bob)], "trigger_id": "t1",
        "channel": ["id": .string(SlackFixture.general)], "message": ["ts": "1.1", "thread_ts": .string(ts)],
        "actions": [["action_id": "rookery_stop", "value": "x"]],
      ]
      let text = String(decoding: try JSON.encode(press), as: UTF8.self).addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
      #expect(try await send(Data("payload=\(text)".utf8), .interaction) == nil)
      try await eventually("the stop") { await fixture.sessions.stops == [session] }
      for body in ["", "[]x", "payload=%"] {
        await #expect(throws: RookeryError.self) { try await send(Data(body.utf8), .interaction) }
      }
    }
  }

  @Test func theCheckSaysWhatIsMissing() async throws {
    try await SlackFixture.run(isStarted: false) { fixture in
      var settings = fixture.settings()
      #expect(try await SlackCheck(settings).findings().allSatisfy(\.isGood))
      fixture.slack.setScopes(["chat:write", "users:read"])
      let findings = try await SlackCheck(settings).findings()
      #expect(findings.count { !$0.isGood } == SlackManifest.scopes.count - 2)
      #expect(findings.contains { !$0.isGood && $0.text.contains("files:write") })
      settings.botToken = Secret("xoxb-wrong")
      settings.appToken = Secret("xapp-wrong")
      let wrong = try await SlackCheck(settings).findings()
      #expect(wrong.count == 2 && wrong.allSatisfy { !$0.isGood })
      #expect(!wrong.contains { $0.text.contains("xoxb-wrong") || $0.text.contains("xapp-wrong") })
    }
  }
}
