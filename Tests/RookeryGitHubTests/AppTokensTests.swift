import Foundation
import RookeryGitHub
import RookeryModel
import RookeryTestSupport
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct AppTokensTests {
  /// A double with an App, and tokens of it on a clock that the test moves.
  private func withApp(
    on repositories: Set<String> = ["acme/app"], permissions: [String: String]? = nil,
    _ body: (GitHubDouble, AppTokens, Clock) async throws -> Void
  ) async throws {
    let github = try await GitHubDouble.start()
    for name in repositories { github.addRepository(name) }
    let app =
      try permissions.map { try github.addApp(installedOn: repositories, permissions: $0) } ?? github.addApp(installedOn: repositories)
    let clock = Clock()
    let tokens = try AppTokens(
      app: app.credentials, site: GitHubSite(api: github.url), pacing: .quick, now: { clock.now },
      onMint: { clock.minted("\($0) \($1.name)") })
    try await body(github, tokens, clock)
    #expect(github.violations == [])
    await github.stop()
  }

  final class Clock: Sendable {
    private let state = Mutex((offset: 0.0, mints: [String]()))
    var now: Double { Date().timeIntervalSince1970 + state.withLock { $0.offset } }
    var mints: [String] { state.withLock { $0.mints } }
    func advance(_ seconds: Double) { state.withLock { $0.offset += seconds } }
    func minted(_ text: String) { state.withLock { $0.mints.append(text) } }
  }

  private func mints(_ github: GitHubDouble) -> Int { github.requests.count { $0.hasSuffix("/access_tokens") } }

  @Test func oneIsMintedForEachRepositoryAndPurpose() async throws {
    try await withApp(on: ["acme/app", "acme/other"]) { github, tokens, clock in
      let read = try await tokens.token(for: "acme/app", purpose: .read)
      #expect(try await tokens.token(for: "Acme/App", purpose: .read) == read)
      let work = try await tokens.token(for: "acme/app", purpose: .work)
      let other = try await tokens.token(for: "acme/other", purpose: .read)
      #expect(Set([read, work, other].map { $0.reveal() }).count == 3 && mints(github) == 3)
      #expect(clock.mints == ["acme/app read", "acme/app work", "acme/other read"])
      #expect(read.reveal().hasPrefix("ghs_") && read.reveal().utf8.count > 500)
    }
  }

  @Test func aHundredAtOnceMintOne() async throws {
    try await withApp { github, tokens, _ in
      let found = try await withThrowingTaskGroup(of: String.self) { group in
        for _ in 0..<100 { group.addTask { try await tokens.token(for: "acme/app", purpose: .work).reveal() } }
        return try await group.reduce(into: Set<String>()) { $0.insert($1) }
      }
      #expect(found.count == 1 && mints(github) == 1)
    }
  }

  @Test func oneThatIsAboutToExpireIsReplaced() async throws {
    try await withApp { github, tokens, clock in
      let first = try await tokens.token(for: "acme/app", purpose: .work)
      clock.advance(3000)
      #expect(try await tokens.token(for: "acme/app", purpose: .work) == first)
      clock.advance(400)
      github.shiftClock(3400)
      let second = try await tokens.token(for: "acme/app", purpose: .work)
      #expect(second != first && mints(github) == 2)
    }
  }

  @Test(arguments: [-3600.0, 3600]) func aClockThatIsWrongIsCorrectedOnce(offset: Double) async throws {
    try await withApp { github, tokens, clock in
      clock.advance(offset)
      _ = try await tokens.token(for: "acme/app", purpose: .read)
      let before = github.requests.count
      _ = try await tokens.token(for: "acme/app", purpose: .work)
      // The skew is remembered: no request is refused any more.
      #expect(github.requests.count == before + 2)
    }
  }

  @Test func aTokenIsHandedOutWhenItIsKnown() async throws {
    try await withApp { github, tokens, _ in
      github.settleSlowly(3)
      let token = try await tokens.token(for: "acme/app", purpose: .read)
      let right = try await GitHubReader(site: GitHubSite(api: github.url), pacing: .quick).right(on: "acme/app", token)
      #expect(right == .push)
      #expect(github.requests.count { $0 == "GET /installation/repositories" } == 4)
    }
  }

  @Test func whatIsNotGrantedSaysSo() async throws {
    try await withApp(permissions: ["contents": "read", "metadata": "read"]) { github, tokens, _ in
      _ = try await tokens.token(for: "acme/app", purpose: .read)
      let refused = try await #require(throws: RookeryError.self) { _ = try await tokens.token(for: "acme/app", purpose: .work) }
      #expect(refused.code == .forbidden && refused.message.contains("contents: write, pull_requests: write"))
      let elsewhere = try await #require(throws: RookeryError.self) { _ = try await tokens.token(for: "acme/none", purpose: .read) }
      #expect(elsewhere.code == .forbidden && elsewhere.message.contains("not installed on acme/none"))
      github.installApp(on: [])
      await tokens.forgetInstallations()
      await #expect(throws: RookeryError.self) { _ = try await tokens.token(for: "acme/app", purpose: .read) }
    }
  }

  @Test func aKeyThatIsNoneIsRefusedAtOnce() {
    let app = AppCredentials(id: 1, privateKey: Secret("-----BEGIN NOTHING-----"))
    #expect(throws: RookeryError.self) { try AppTokens(app: app, site: GitHubSite()) }
  }

  @Test func aSiteKnowsItsRepositories() {
    let public_ = GitHubSite()
    #expect(public_.web == "https://github.com" && public_.repository(at: "https://github.com/acme/app.git") == "acme/app")
    #expect(public_.repository(at: "https://github.com.evil.org/acme/app") == nil)
    #expect(public_.repository(at: "https://github.com/acme/app/extra") == nil)
    let enterprise = GitHubSite(api: "https://git.acme.org/api/v3/")
    #expect(enterprise.web == "https://git.acme.org" && enterprise.repository(at: "https://git.acme.org/a/b") == "a/b")
  }
}

extension GitHubPacing {
  static var quick: GitHubPacing {
    var pacing = GitHubPacing()
    pacing.attempts = 2
    pacing.backoff = .milliseconds(10)
    return pacing
  }
}

extension GitHubDouble.App {
  var credentials: AppCredentials {
    AppCredentials(
      id: id, slug: slug, privateKey: Secret(privateKey), clientID: clientID, clientSecret: Secret(clientSecret),
      webhookSecret: Secret(webhookSecret))
  }
}
