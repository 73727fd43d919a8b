import Foundation
import RookeryCommands
import RookeryModel
import RookeryTestSupport
import Testing

/// The last step of a prompt's way: the pull request, as the person who asked.
@Suite(.serialized, .system(forge: true)) struct PullRequestTests {
  @Test(.timeLimit(.minutes(5))) func itIsOpenedAsTheAuthorAndBroughtUpToDate() async throws {
    let system = try RunningSystem.get()
    let forge = try #require(system.forge)
    let session = try await system.begin("# Say hello\necho hello > hello.txt", author: system.ada)
    let log = try await system.finished(session)
    let opened = try #require(log.pullRequests(".opened").first)
    let pull = try #require(forge.pullRequests.first { $0.head == "rookery/\(session)" })
    #expect(pull.author == "ada" && opened.author == "ada" && opened.number == pull.number)
    #expect(pull.base == "main" && pull.title == "# Say hello" && !pull.isDraft)
    #expect(pull.body.contains("Prompted by Ada Lovelace") && pull.body.contains("/sessions/\(session)"))
    #expect(try await system.detail(session).session.pullRequest == opened)

    // A follow-up goes into the same one.
    let receipt = try await system.api { [ada = system.ada] in
      try await $0.post(
        "/v1/sessions/\(session)/prompts", API.PostPrompt(requestId: "again", text: "echo again >> hello.txt", author: ada),
        as: API.PromptReceipt.self)
    }
    #expect(receipt.session == session)
    #expect(try await system.finished(session, turns: 2).results.map(\.result) == [.completed, .completed])
    #expect(forge.pullRequests.count { $0.head == "rookery/\(session)" } == 1)
    #expect(forge.violations == [])
  }

  @Test(.timeLimit(.minutes(5))) func aTurnWithoutChangesOpensNone() async throws {
    let system = try RunningSystem.get()
    let session = try await system.begin("true", author: system.ada)
    #expect(try await system.finished(session).pullRequests("").isEmpty)
    #expect(system.forge?.pullRequests.contains { $0.head == "rookery/\(session)" } == false)
  }

  @Test(.timeLimit(.minutes(5))) func withoutATokenOfTheAuthorsTheBranchWaits() async throws {
    let system = try RunningSystem.get()
    let grace = API.NamedAuthor(name: "Grace Hopper", email: "grace@example.com")
    let session = try await system.begin("echo hi > hi.txt", author: grace)
    let log = try await system.finished(session)
    #expect(log.results.map(\.result) == [.completed])
    #expect(log.kinds.contains("branch.pushed") && log.pullRequests("").isEmpty)
    let notices = log.compactMap { if case .notice(let body) = $0.payload { body.text } else { nil } }
    #expect(notices.contains { $0.contains("no GitHub token is configured for grace@example.com") })
  }

  /// The answer to a creation that worked is lost: it is looked up, not repeated.
  @Test(.timeLimit(.minutes(5))) func aLostAnswerDoesNotDoubleIt() async throws {
    let system = try RunningSystem.get()
    let forge = try #require(system.forge)
    forge.loseNextCreation()
    let session = try await system.begin("echo once > once.txt", author: system.ada)
    let log = try await system.finished(session)
    #expect(log.results.map(\.result) == [.completed])
    #expect(log.pullRequests("").count == 1)
    #expect(forge.pullRequests.count { $0.head == "rookery/\(session)" } == 1)
  }

  /// A forge that refuses fails the turn where everyone sees it; the pushed branch stays.
  @Test(.timeLimit(.minutes(5))) func aRefusalNamesItsCauseAndKeepsTheBranch() async throws {
    let system = try RunningSystem.get()
    let forge = try #require(system.forge)
    forge.fail([.init(status: 401, message: "Bad credentials"), .init(status: 401, message: "Bad credentials")])
    let session = try await system.begin("echo refused > refused.txt", author: system.ada)
    let result = try #require(try await system.finished(session).results.first)
    let error = try #require(result.error)
    #expect(!error.message.isEmpty && !error.mend.isEmpty && !error.message.contains(RunningSystem.forgeToken))
    #expect(try await system.git.refs(of: "site")["refs/heads/rookery/\(session)"] == result.commit)
  }
}

extension [Event] {
  fileprivate func pullRequests(_ kind: String) -> [PullRequest] {
    compactMap { event in
      switch event.payload {
      case .pullRequestOpened(let body) where kind != ".updated": body
      case .pullRequestUpdated(let body) where kind != ".opened": body
      default: nil
      }
    }
  }
}
