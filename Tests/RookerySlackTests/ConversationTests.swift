import Foundation
import RookeryConfiguration
import RookeryModel
import RookeryStore
import RookeryTestSupport
import Synchronization
import Testing

@testable import RookerySlack

/// From a mention to a result, over Socket Mode, with Slack's double as the workspace.
@Suite(.timeLimit(.minutes(2))) struct ConversationTests {
  @Test func aMentionBecomesASessionAndItsResultStandsInTheThread() async throws {
    try await SlackFixture.run { fixture in
      let ts = await fixture.mention("The invoice total is wrong, please fix")
      try await fixture.answer("Starting work in `billing`", to: ts)
      let session = try await fixture.session(ts)
      let created = try #require(await fixture.sessions.all.first)
      #expect(created.repository.rawValue == "billing")
      #expect(created.owner.email == "ada@example.org")
      let prompt = try #require(await fixture.sessions.prompts(session).first)
      #expect(prompt.text.hasPrefix("The invoice total is wrong, please fix"))
      #expect(prompt.text.contains("Asked in #general (topic: Company-wide): https://"))
      try await eventually("the eyes") { fixture.slack.reactions(channel: SlackFixture.general, ts: ts) == ["eyes"] }
      await fixture.sessions.play(session, answer: "I corrected the **sum**.")
      let result = try await fixture.answer("I corrected the *sum*.", to: ts)
      #expect(result.everything.contains("2 files, +10 −3, commit `0123456`"))
      try await eventually("the check mark") { fixture.slack.reactions(channel: SlackFixture.general, ts: ts) == ["white_check_mark"] }
      let messages = fixture.slack.ours(in: SlackFixture.general, thread: ts)
      #expect(messages.count == 3, "the start, one progress message, the result: \(messages.map(\.text))")
      #expect(fixture.warmed.withLock { $0.map(\.rawValue) } == ["billing"])
      #expect(fixture.slack.statuses.first == "\(ts) processing")
      try await eventually("the native status") { fixture.slack.statuses.last == "\(ts) active" }
    }
  }

  @Test func progressIsEditedInPlaceAndCoalesced() async throws {
    try await SlackFixture.run { fixture in
      let ts = await fixture.mention("in storefront make it blue")
      let session = try await fixture.session(ts)
      let turn = await fixture.sessions.start(session)
      for number in 0..<15 {
        await fixture.sessions.append(
          session,
          .toolCall(
            ToolCall(
              id: "c\(number)", title: "Step number \(number).", kind: "read", status: "completed", content: [], locations: [], input: nil)),
          turn: turn)
      }
      let progress = try await fixture.answer("Step number 14.", to: ts)
      #expect(progress.edits < 15, "edits that nobody could have read were left out")
      await fixture.sessions.finish(session)
      try await fixture.answer("Done.", to: ts)
      #expect(fixture.slack.ours(in: SlackFixture.general, thread: ts).count { $0.everything.contains("Step number 3.") } == 1)
    }
  }

  @Test func anUnclearMessageAsksAndTheChoiceIsRemembered() async throws {
    try await SlackFixture.run { fixture in
      let ts = await fixture.mention("the tests are red")
      let picker = try await fixture.answer("Which repository", to: ts)
      #expect(await fixture.sessions.all.isEmpty)
      await fixture.slack.edit(channel: SlackFixture.general, ts: ts, to: "<@\(SlackDouble.bot)> the tests are red since noon")
      try await eventually("the edit") {
        let pending = try await fixture.registry.slackThread(channel: SlackFixture.general, thread: ts)?.pending ?? Data()
        return String(decoding: pending, as: UTF8.self).contains("since noon")
      }
      try await fixture.slack.press("rookery_pick.1", as: SlackFixture.bob, on: picker)
      try await fixture.answer("<@\(SlackFixture.bob)> chose `storefront`", to: ts)
      let session = try await fixture.session(ts)
      let created = try #require(await fixture.sessions.all.first)
      #expect(created.repository.rawValue == "storefront")
      #expect(created.owner.name == "Ada", "it is her request, whoever chose")
      #expect(await fixture.sessions.prompts(session).first?.text.hasPrefix("the tests are red since noon") == true)
      #expect(try await fixture.registry.routingChoices(channel: "general").map(\.rawValue) == ["storefront"])
      // The same button again changes nothing.
      try await fixture.slack.press("rookery_pick.0", as: SlackFixture.ada, on: picker)
      try await eventually("an answer for her") { fixture.slack.ephemeral(for: SlackFixture.ada).contains { $0.text.contains("answered") } }
      #expect(await fixture.sessions.all.count == 1)
    }
  }

  @Test func aNameInTheThreadAnswersTheQuestion() async throws {
    try await SlackFixture.run { fixture in
      let ts = await fixture.mention("the tests are red")
      try await fixture.answer("Which repository", to: ts)
      await fixture.slack.write("Billing", as: SlackFixture.ada, in: SlackFixture.general, thread: ts)
      _ = try await fixture.session(ts)
      #expect(await fixture.sessions.all.first?.repository.rawValue == "billing")
    }
  }

  @Test func theThreadBeforeAMentionIsItsContext() async throws {
    try await SlackFixture.run { fixture in
      let root = await fixture.slack.write("the refund is rounded <https://e.org/log|log>", as: SlackFixture.bob, in: SlackFixture.general)
      await fixture.slack.write("oh no &amp; again", as: SlackFixture.ada, in: SlackFixture.general, thread: root)
      _ = await fixture.mention("please fix that", thread: root)
      let session = try await fixture.session(root)
      #expect(await fixture.sessions.all.first?.repository.rawValue == "billing")
      let prompt = try #require(await fixture.sessions.prompts(session).first?.text)
      #expect(prompt.hasPrefix("please fix that"))
      #expect(prompt.contains("> bob: the refund is rounded log (https://e.org/log)\n>\n> ada: oh no & again"))
    }
  }

  @Test func repliesArePromptsByTheirWriters() async throws {
    try await SlackFixture.run { fixture in
      let ts = await fixture.mention("in billing fix it")
      let session = try await fixture.session(ts)
      await fixture.sessions.play(session)
      let reply = await fixture.slack.write("and add a test", as: SlackFixture.bob, in: SlackFixture.general, thread: ts)
      try await eventually("the second prompt") { await fixture.sessions.prompts(session).count == 2 }
      let second = await fixture.sessions.prompts(session)[1]
      #expect(second.author.name == "Bob")
      #expect(second.text == "and add a test")
      await fixture.sessions.play(session, answer: "Tested.")
      try await fixture.answer("Tested.", to: ts)
      try await eventually("its mark") { fixture.slack.reactions(channel: SlackFixture.general, ts: reply) == ["white_check_mark"] }
      // People talk to each other, too; guests and bots are nobody; a mention comes as two events and is one prompt.
      await fixture.slack.write("<@\(SlackFixture.bob)> nice one", as: SlackFixture.ada, in: SlackFixture.general, thread: ts)
      await fixture.slack.write("me too", as: SlackFixture.guest, in: SlackFixture.general, thread: ts)
      await fixture.slack.write("beep", as: "U0BEEP", in: SlackFixture.general, thread: ts, bot: "B0BEEP")
      _ = await fixture.mention("one more thing", as: SlackFixture.bob, thread: ts)
      try await eventually("the third prompt") { await fixture.sessions.prompts(session).count == 3 }
      try await eventually("everything taken") { await fixture.slack.unacknowledged() == 0 }
      let texts = await fixture.sessions.prompts(session).map { $0.text.split(separator: "\n").first.map(String.init) ?? "" }
      #expect(texts == ["fix it", "and add a test", "one more thing"])
    }
  }

  @Test func anEditBeforeItRunsChangesThePromptAndLaterSaysSo() async throws {
    try await SlackFixture.run { fixture in
      let ts = await fixture.mention("in billing fix it")
      let session = try await fixture.session(ts)
      await fixture.sessions.start(session)
      let reply = await fixture.slack.write("add a tset", as: SlackFixture.bob, in: SlackFixture.general, thread: ts)
      try await eventually("the second prompt") { await fixture.sessions.prompts(session).count == 2 }
      await fixture.slack.edit(channel: SlackFixture.general, ts: reply, to: "add a test")
      try await eventually("the changed prompt") { await fixture.sessions.prompts(session).last?.text == "add a test" }
      #expect(await fixture.sessions.prompts(session).map(\.state) == [.running, .cancelled, .queued])
      await fixture.slack.edit(channel: SlackFixture.general, ts: ts, to: "<@\(SlackDouble.bot)> in billing break it")
      try await eventually("a word about it") {
        fixture.slack.ephemeral(for: SlackFixture.ada).contains { $0.text.contains("being worked on already") }
      }
      #expect(await fixture.sessions.prompts(session).count == 3)
    }
  }

  @Test func helpStatusAndStopAreUnderstood() async throws {
    try await SlackFixture.run { fixture in
      let help = await fixture.mention("help")
      try await fixture.answer("Mention me with what should be done", to: help)
      let ts = await fixture.mention("in billing fix it")
      let session = try await fixture.session(ts)
      await fixture.sessions.start(session)
      await fixture.slack.write("status", as: SlackFixture.bob, in: SlackFixture.general, thread: ts)
      try await fixture.answer("`billing` is running", to: ts)
      await fixture.slack.write("stop", as: SlackFixture.bob, in: SlackFixture.general, thread: ts)
      try await fixture.answer("Stopping.", to: ts)
      #expect(await fixture.sessions.stops == [session])
      try await eventually("the mark") { fixture.slack.reactions(channel: SlackFixture.general, ts: ts) == ["octagonal_sign"] }
    }
  }

  @Test func buttonsStopRetryMakeAPullRequestAndJudge() async throws {
    try await SlackFixture.run { fixture in
      let ts = await fixture.mention("in billing fix it")
      let session = try await fixture.session(ts)
      await fixture.sessions.start(session)
      let progress = try await fixture.answer("rookery_stop", to: ts)
      try await fixture.slack.press("rookery_stop", as: SlackFixture.guest, on: progress)
      try await fixture.slack.press("rookery_stop", as: SlackFixture.bob, on: progress)
      let stopped = try await fixture.answer("Stopped.", to: ts)
      #expect(await fixture.sessions.stops.count == 1, "a guest's press does nothing")
      try await fixture.slack.press("rookery_retry", as: SlackFixture.bob, on: stopped)
      try await fixture.slack.press("rookery_retry", as: SlackFixture.bob, on: stopped)
      try await eventually("the second prompt") { await fixture.sessions.prompts(session).count == 2 }
      try await eventually("both presses dealt with") { try await fixture.registry.waitingSlackDeliveries(after: 0).isEmpty }
      #expect(await fixture.sessions.prompts(session)[1].author.name == "Bob")
      await fixture.sessions.play(session, answer: "Now it works.")
      let done = try await fixture.answer("Now it works.", to: ts)
      #expect(await fixture.sessions.prompts(session).count == 2, "pressed twice, asked once")
      try await fixture.slack.press("rookery_make_pr", as: SlackFixture.ada, on: done)
      try await eventually("the third prompt") { await fixture.sessions.prompts(session).count == 3 }
      try await fixture.slack.press("rookery_good", as: SlackFixture.ada, on: done)
      try await eventually("her verdict") { try await fixture.registry.slackFeedback(session: session).map(\.verdict) == ["good"] }
      await fixture.slack.stopNatively(channel: SlackFixture.general, thread: ts, as: SlackFixture.ada)
      try await eventually("the native stop") { await fixture.sessions.stops.count == 2 }
    }
  }

  @Test func whoIsNotKnownGetsAOneTimeLink() async throws {
    try await SlackFixture.run { fixture in
      fixture.slack.addPerson("U0NEW", name: "Nell", email: "nell@example.org")
      fixture.slack.addPerson("U0LIAR", name: "Liar", email: "ada@example.org", isConfirmed: false)
      fixture.slack.addPerson("U0ELSE", name: "Elsa", email: "bob@example.org", isStranger: true)
      for person in ["U0NEW", "U0LIAR", "U0ELSE", SlackFixture.guest] { _ = await fixture.mention("in billing fix it", as: person) }
      try await eventually("two links") {
        fixture.slack.ephemeral(for: "U0NEW").count == 1 && fixture.slack.ephemeral(for: "U0LIAR").count == 1
      }
      try await eventually("everything taken") { await fixture.slack.unacknowledged() == 0 }
      #expect(await fixture.sessions.all.isEmpty)
      #expect(fixture.slack.ephemeral(for: "U0ELSE").isEmpty && fixture.slack.ephemeral(for: SlackFixture.guest).isEmpty)
      let text = try #require(fixture.slack.ephemeral(for: "U0NEW").first?.everything)
      let code = try #require(text.firstMatch(of: /code=([A-Za-z0-9_-]+)/)).1
      let service = try #require(fixture.service)
      #expect(try await service.linkSubject(String(code)) == "Nell")
      let bob = try await fixture.user("bob")
      #expect(try await service.redeemLink(String(code), for: bob))
      #expect(try await service.redeemLink(String(code), for: bob) == false, "once")
      let ts = await fixture.mention("in billing fix it", as: "U0NEW")
      _ = try await fixture.session(ts)
      #expect(await fixture.sessions.all.first?.owner.name == "Bob")
    }
  }

  @Test func byPolicyTheUnlinkedMayAskUnderANameOfTheirOwn() async throws {
    try await SlackFixture.run(allowsUnlinked: true) { fixture in
      fixture.slack.addPerson("U0NEW", name: "Nell", email: nil)
      let ts = await fixture.mention("in billing fix it", as: "U0NEW")
      _ = try await fixture.session(ts)
      #expect(await fixture.sessions.all.first?.owner.email == "u0new@t0test.slack.invalid")
      try await eventually("a link") { fixture.slack.ephemeral(for: "U0NEW").count == 1 }
    }
  }

  @Test func aRefusedSessionIsExplained() async throws {
    try await SlackFixture.run { fixture in
      await fixture.sessions.refuse(RookeryError(.modelMissing, "No model is set up.", mend: "Ask <an> admin."))
      let ts = await fixture.mention("in billing fix it")
      try await fixture.answer("No model is set up.\\nAsk &lt;an&gt; admin.", to: ts)
      #expect(try await fixture.registry.slackThread(channel: SlackFixture.general, thread: ts)?.pending == nil)
    }
  }

  @Test func longAnswersAndPicturesAreShared() async throws {
    try await SlackFixture.run { fixture in
      let ts = await fixture.mention("in billing explain it")
      let session = try await fixture.session(ts)
      try await fixture.sessions.addPicture(session, Data("png".utf8), turn: fixture.sessions.start(session))
      await fixture.sessions.append(session, .agentMessage(TextChunk(text: String(repeating: "Lorem ipsum. ", count: 2000))), turn: 1)
      await fixture.sessions.finish(session)
      try await eventually("two files") { fixture.slack.files.count == 2 }
      #expect(Set(fixture.slack.files.map(\.name)) == ["page.png", "answer-1.md"])
      #expect(fixture.slack.files.allSatisfy { $0.thread == ts })
      #expect(fixture.slack.files.first { $0.name == "answer-1.md" }?.data.count == 26_000)
    }
  }

  @Test func withoutTheNativeSurfaceTheThreadIsEnough() async throws {
    try await SlackFixture.run { fixture in
      fixture.slack.removeAgentSurface()
      let ts = await fixture.mention("in billing fix it")
      let session = try await fixture.session(ts)
      await fixture.sessions.play(session)
      try await fixture.answer("All done.", to: ts)
      try await eventually("the mark") { fixture.slack.reactions(channel: SlackFixture.general, ts: ts) == ["white_check_mark"] }
      #expect(fixture.slack.calls.count { $0 == "agents.sessions.setStatus" } == 1, "asked once, then never again")
    }
  }
}
