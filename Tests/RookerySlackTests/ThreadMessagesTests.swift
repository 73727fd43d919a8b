import Foundation
import RookeryModel
import RookeryTestSupport
import Testing

@testable import RookerySlack

/// What a thread shows of a log, and that Slack takes it whatever the log holds.
@Suite struct ThreadMessagesTests {
  private let author: Author
  private let session: SessionID
  private let prompt: PromptID

  init() throws {
    author = Author(user: try UserID("u-ada"), name: "Ada", email: "ada@example.org")
    session = try SessionID("s-1")
    prompt = try PromptID("p-1")
  }

  private func view(_ payloads: [EventPayload]) throws -> ThreadView {
    var view = ThreadView()
    let opening: [EventPayload] = [
      .sessionCreated(SessionCreated(repository: try RepositoryName("site"), branch: "b", agent: try AgentName("a"), owner: author)),
      .promptQueued(PromptQueued(prompt: prompt, text: "t", author: author)),
      .turnStarted(TurnStarted(prompt: prompt, author: author)),
    ]
    for (index, payload) in (opening + payloads).enumerated() {
      view.apply(Event(seq: Int64(index + 1), time: Date(), turn: index < 2 ? nil : 1, payload: payload))
    }
    return view
  }

  private func step(_ number: Int, status: String = "completed", path: String? = nil) -> EventPayload {
    .toolCall(
      ToolCall(
        id: "c\(number)", title: "Step \(number)", kind: "edit", status: status,
        content: path.map { [.diff(path: $0, old: nil, new: "")] } ?? [], locations: [], input: nil))
  }

  private func finished(_ result: TurnFinished.Result, error: RookeryError? = nil) -> EventPayload {
    .turnFinished(TurnFinished(prompt: prompt, result: result, stopReason: nil, commit: nil, error: error))
  }

  private var messages: ThreadMessages { ThreadMessages(session: session, link: "https://rookery.example.org/sessions/s-1") }

  @Test func progressTellsPlanStepAndFiles() throws {
    let view = try view([
      .plan(
        Plan(entries: [
          .init(content: "read", priority: "", status: "completed"), .init(content: "write", priority: "", status: "in_progress"),
        ])),
      step(1, path: "a.txt"), step(2, status: "in_progress", path: "b.txt"),
    ])
    let shown = try #require(messages.messages(view).first)
    #expect(shown.key == "t1.progress.1")
    for text in ["Working: Step 2", "☑ read", "◐ write", "✓ Step 1", "… Step 2", "`a.txt` `b.txt`", SlackAction.stop.rawValue] {
      #expect(shown.content.blocks.description.contains(text), "\(text)")
    }
    #expect(view.isWorking)
  }

  @Test func aLongTurnRollsOverAndEarlierPartsRest() throws {
    let events = (1...45).map { step($0) }
    let before = messages.messages(try view(Array(events.prefix(40))))
    let after = messages.messages(try view(events))
    #expect(after.map(\.key) == ["t1.progress.1", "t1.progress.2", "t1.progress.3"])
    #expect(before[0] == after[0], "the first part is edited no more")
    #expect(!after[0].content.blocks.description.contains(SlackAction.stop.rawValue))
    #expect(after[2].content.blocks.description.contains(SlackAction.stop.rawValue))
  }

  @Test func aResultHasWhatPeopleNeed() throws {
    let view = try view([
      step(1), .agentMessage(TextChunk(text: "I **fixed** it.")),
      .commitCreated(CommitCreated(commit: "abcdef0123", subject: "s", author: author, files: 2, additions: 5, deletions: 1)),
      .branchPushed(BranchPushed(branch: "rookery/s-1", commit: "abcdef0123", remote: "https://git")),
      .pullRequestOpened(PullRequest(number: 7, url: "https://github.com/a/b/pull/7", title: "Fix <it>", author: "ada")),
      finished(.completed),
    ])
    let result = try #require(messages.messages(view).last)
    #expect(result.key == "t1.result")
    for text in ["I *fixed* it.", "2 files, +5 −1, commit `abcdef0`", "|#7 Fix &lt;it&gt;> by ada", "rookery_open_pr", "rookery_good"] {
      #expect(result.content.blocks.description.contains(text), "\(text)")
    }
    #expect(!result.content.blocks.description.contains("rookery_retry"))
    #expect(!view.isWorking)
  }

  @Test func withoutAPullRequestOneCanBeAskedFor() throws {
    let view = try view([.branchPushed(BranchPushed(branch: "b", commit: "c", remote: "r")), finished(.completed)])
    #expect(messages.messages(view).last?.content.blocks.description.contains("rookery_make_pr") == true)
  }

  @Test(arguments: [TurnFinished.Result.failed, .interrupted])
  func aFailureSaysWhyAndOffersToRetry(result: TurnFinished.Result) throws {
    let view = try view([finished(result, error: RookeryError(.limitHit, "Too much memory.", mend: "Raise it."))])
    let shown = try #require(messages.messages(view).last?.content.blocks.description)
    for text in ["Too much memory.", "Raise it.", "rookery_retry"] { #expect(shown.contains(text), "\(text)") }
  }

  @Test func anEventTwiceIsShownOnce() throws {
    var view = try view([step(1)])
    let same = view
    view.apply(Event(seq: 4, time: Date(), turn: 1, payload: step(1)))
    #expect(view == same)
  }

  /// Whatever agents write, Slack takes it.
  @Test func everyLimitHoldsForHostileLogs() throws {
    let huge = String(repeating: "<!channel> `x` *y* & | \n", count: 4000)
    let long = String(repeating: "é", count: 5000)
    let notices = (0..<20).map { EventPayload.notice(Notice(level: .warning, text: "\($0) \(huge)")) }
    let plan = Plan(entries: (0..<200).map { .init(content: "\($0) \(long)", priority: huge, status: "pending") })
    let steps = (0..<100).map { number in
      EventPayload.toolCall(
        ToolCall(
          id: "h\(number)", title: number.isMultiple(of: 2) ? huge : "", kind: long, status: "in_progress",
          content: [.diff(path: huge + "\(number)", old: nil, new: "")], locations: [ToolLocation(path: long, line: nil)], input: nil))
    }
    let pull = PullRequest(number: 1, url: "https://example.org/" + String(repeating: "a", count: 5000), title: huge, author: huge)
    for ending in [finished(.completed), finished(.failed, error: RookeryError(.internal, huge, mend: long)), finished(.interrupted)] {
      let view = try view(
        [.plan(plan)] + steps + notices + [.agentMessage(TextChunk(text: huge)), .pullRequestOpened(pull), ending])
      for message in messages.messages(view) {
        #expect(SlackDouble.problems(message.content.blocks) == [], "\(message.key)")
        #expect(message.content.text.utf16.count <= SlackLimits.text)
        #expect(!message.content.text.contains("<!"))
      }
      #expect(messages.snippets(view).count == 1)
      #expect(messages.snippets(view).first?.text.contains("<!channel>") == true, "the file has the whole answer")
    }
    let names = try (0..<250).map { try RepositoryName("repo-\($0)") }
    #expect(SlackDouble.problems(SlackWords.picker(names).blocks) == [])
    #expect(SlackDouble.problems(SlackWords.picker(Array(names.prefix(3))).blocks) == [])
    #expect(SlackDouble.problems(SlackWords.failure(RookeryError(.internal, huge, mend: huge)).blocks) == [])
  }
}
