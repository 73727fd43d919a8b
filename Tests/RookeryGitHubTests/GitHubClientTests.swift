import Foundation
import RookeryGitHub
import RookeryModel
import RookeryTestSupport
import Testing

@Suite struct GitHubClientTests {
  static let token = Secret("ghp_0123456789abcdefghij")

  /// A double with one repository and one person's token; nothing may violate the contract.
  private func withGitHub(_ body: (GitHubDouble, GitHubClient) async throws -> Void) async throws {
    let github = try await GitHubDouble.start()
    github.addToken(Self.token.reveal(), login: "alice")
    github.addRepository("acme/app", branches: ["main", "rookery/s1"])
    var pacing = GitHubPacing()
    pacing.backoff = .milliseconds(10)
    pacing.limitWait = .milliseconds(20)
    pacing.longestWait = .seconds(3)
    try await body(github, GitHubClient(apiURL: github.url + "/", pacing: pacing))
    #expect(github.violations == [])
    await github.stop()
  }

  private func open(
    _ client: GitHubClient, repository: String = "acme/app", head: String = "rookery/s1", title: String = "Add a README",
    body: String = "Why: it had none.", draft: Bool = false, token: Secret = token
  ) async throws -> (GitHubPullRequest, created: Bool) {
    try await client.findOrCreatePullRequest(
      repository: repository, head: head, base: "main", title: title, body: body, draft: draft, token: token)
  }

  private func failure(_ body: () async throws -> Void) async throws -> RookeryError {
    let error = try await #require(throws: RookeryError.self) { try await body() }
    #expect(!"\(error) \(error.context)".contains(Self.token.reveal()))
    return error
  }

  @Test func opensOnceAndFindsItAgain() async throws {
    try await withGitHub { github, client in
      let (pull, created) = try await open(client, draft: true)
      #expect(created && pull.number == 1 && pull.isDraft && pull.author == "alice" && pull.head == "rookery/s1" && pull.base == "main")
      #expect(pull.url == "https://github.com/acme/app/pull/1" && pull.state == .open && pull.body == "Why: it had none.")
      let (again, createdAgain) = try await open(client, title: "Another title")
      #expect(!createdAgain && again == pull)
      #expect(github.pullRequests.count == 1)
    }
  }

  @Test func reusesWhatSomebodyOpenedMeanwhile() async throws {
    try await withGitHub { github, client in
      // The look-up before it is answered with nothing, as if the other one came just after it.
      let other = GitHubDouble.PullRequest(
        number: 7, repository: "acme/app", head: "rookery/s1", base: "main", title: "By hand", body: "", isDraft: false, isOpen: true,
        author: "bob")
      github.addRepository("acme/app", branches: ["main", "rookery/s1"])
      github.open(other)
      github.hideOnce()
      let (pull, created) = try await open(client)
      #expect(!created && pull.number == 7 && pull.author == "bob" && pull.body == "")
      #expect(github.requests == ["GET /repos/acme/app/pulls", "POST /repos/acme/app/pulls", "GET /repos/acme/app/pulls"])
    }
  }

  @Test func closedOnesDoNotCount() async throws {
    try await withGitHub { github, client in
      github.open(
        .init(
          number: 1, repository: "acme/app", head: "rookery/s1", base: "main", title: "Old", body: "", isDraft: false, isOpen: false,
          author: "bob"))
      let (pull, created) = try await open(client)
      #expect(created && pull.number == 2)
    }
  }

  @Test func updates() async throws {
    try await withGitHub { github, client in
      let (pull, _) = try await open(client)
      let changed = try await client.updatePullRequest(
        repository: "acme/app", number: pull.number, title: nil, body: "New text", token: Self.token)
      #expect(changed.title == pull.title && changed.body == "New text")
      let missing = try await failure {
        _ = try await client.updatePullRequest(repository: "acme/app", number: 99, title: "x", body: nil, token: Self.token)
      }
      #expect(missing.code == .pullRequestFailed)
    }
  }

  @Test func longTextsAreClipped() async throws {
    try await withGitHub { github, client in
      let (pull, _) = try await open(
        client, title: "line\n" + String(repeating: "ä", count: 300), body: String(repeating: "x", count: 70_000))
      #expect(pull.title.unicodeScalars.count == 256 && pull.title.hasPrefix("line ä") && pull.title.hasSuffix("…"))
      #expect(pull.body.unicodeScalars.count == 65_536)
    }
  }

  @Test func refusalsSayWhatToDo() async throws {
    try await withGitHub { github, client in
      github.addToken("ghp_readonly", login: "carol", mayWrite: false)
      github.makeEqual(base: "main", head: "same")
      github.addRepository("acme/app", branches: ["main", "rookery/s1", "same"])
      let unknown = try await failure { _ = try await open(client, token: Secret("ghp_wrong")) }
      #expect(unknown.code == .pullRequestFailed && unknown.message.contains("does not accept the token"))
      let readOnly = try await failure { _ = try await open(client, token: Secret("ghp_readonly")) }
      #expect(readOnly.message.contains("not accessible by personal access token") && readOnly.mend.contains("Pull requests: write"))
      let elsewhere = try await failure { _ = try await open(client, repository: "acme/secret") }
      #expect(elsewhere.message.contains("no repository acme/secret"))
      let unpushed = try await failure { _ = try await open(client, head: "rookery/unpushed") }
      #expect(unpushed.message.contains("no branch “rookery/unpushed”") && unpushed.mend == "Push it first.")
      let equal = try await failure { _ = try await open(client, head: "same") }
      #expect(equal.message.contains("no commit that “main” lacks"))
      #expect(github.pullRequests.isEmpty)
    }
  }

  @Test(arguments: ["acme", "acme/app/x", "acme/..", "ac me/app", "acme/app?x", "/app", ""])
  func namesAreChecked(name: String) async throws {
    try await withGitHub { github, client in
      let error = try await failure { _ = try await open(client, repository: name) }
      #expect(error.code == .configurationInvalid && github.requests.isEmpty)
    }
  }

  @Test(arguments: [
    GitHubDouble.Fault(status: 429, headers: ["Retry-After": "1"]), .init(status: 403, headers: ["Retry-After": "1"]),
    .init(status: 403, message: "You have exceeded a secondary rate limit."), .init(status: 502), .init(status: 500),
    .init(status: 403, headers: ["X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1"], message: "API rate limit exceeded"),
  ])
  func passingFaultsAreWaitedOut(fault: GitHubDouble.Fault) async throws {
    try await withGitHub { github, client in
      github.fail([fault])
      let clock = ContinuousClock.now
      let (_, created) = try await open(client)
      #expect(created && github.pullRequests.count == 1)
      if fault.headers["Retry-After"] != nil { #expect(ContinuousClock.now - clock >= .seconds(1)) }
    }
  }

  @Test func anAnswerThatGotLostOpensNoSecondOne() async throws {
    try await withGitHub { github, client in
      github.loseNextCreation()
      let (pull, created) = try await open(client)
      #expect(!created && pull.number == 1)
      #expect(github.pullRequests.count == 1)
    }
  }

  @Test func lastingFaultsEnd() async throws {
    try await withGitHub { github, client in
      github.fail(Array(repeating: .init(status: 503), count: 4))
      let down = try await failure { _ = try await open(client) }
      #expect(down.code == .pullRequestFailed && down.message.contains("503") && github.requests.count == 4)
      github.fail([.init(status: 429, headers: ["Retry-After": "3600"])])
      let limited = try await failure { _ = try await open(client) }
      #expect(limited.code == .rateLimited && limited.mend.contains("3600 s") && github.requests.count == 5)
      github.fail([.init(status: 301, headers: ["Location": "http://elsewhere.invalid/"])])
      let moved = try await failure { _ = try await open(client) }
      #expect(moved.message.contains("has moved"))
    }
    let gone = try await failure { _ = try await open(GitHubClient(apiURL: "http://127.0.0.1:9", pacing: quick)) }
    #expect(gone.code == .unavailable)
  }

  @Test func aFreshInstallationTokenIsTriedAgain() async throws {
    try await withGitHub { github, client in
      let fresh = Secret("ghs_fresh")
      github.addToken(fresh.reveal(), login: "app[bot]")
      github.fail([.init(status: 401, message: "Bad credentials")])
      let created = try await open(client, token: fresh).created
      #expect(created)
    }
  }

  private var quick: GitHubPacing {
    var pacing = GitHubPacing()
    pacing.attempts = 2
    pacing.backoff = .milliseconds(10)
    return pacing
  }
}
