import Foundation
import RookeryModel
import RookeryTestSupport
import Testing

@testable import RookeryMetrics
@testable import RookeryStore

/// What single events become, and what out-of-the-ordinary ones don't.
@Suite struct DerivationTests {
  private let noon = Date(timeIntervalSince1970: 1_763_985_600)
  private var span: Span { Span(from: noon.addingTimeInterval(-86_400), to: noon.addingTimeInterval(86_400), zone: .gmt) }
  private func at(_ seconds: Double) -> Date { noon.addingTimeInterval(seconds) }

  @Test func aSessionsLifeIsTold() async throws {
    let writer = try SessionWriter()
    let id = try SessionID("s1")
    try writer.begin(id, at: noon)
    try writer.append(
      id,
      [
        (try prompt("p1"), nil, at(1)), (try started("p1"), 1, at(2)),
        (.agentOutput(.init(stream: .stderr, text: "agent 1.0")), 1, at(3)), (.agentThought(.init(text: "hm")), 1, at(4.25)),
        (.agentMessage(.init(text: "done")), 1, at(5)),
        (.usage(.init(inputTokens: 100, outputTokens: 10, requests: 2, costMicroUSD: 900)), 1, at(6)),
        (.usage(.init(inputTokens: 50, outputTokens: 5, requests: 1)), 1, at(7)), (opened(4), 1, at(8)), (try finished("p1"), 1, at(9)),
        (try prompt("p2", by: "bob"), nil, at(10)), (try prompt("p3"), nil, at(11)),
        (.promptCancelled(.init(prompt: try PromptID("p3"), by: try UserID("u-ada"))), nil, at(12)),
        (.pullRequestMerged(.init(number: 4, url: "https://forge/4", at: at(20))), nil, at(30)),
      ])
    try writer.followAll()
    let figures = try await writer.store.session(id)
    #expect(figures.created == noon)
    #expect(figures.started == at(2))
    #expect(figures.firstToken == at(4.25))
    #expect(figures.timeToFirstToken == 3250)
    #expect(figures.completed == at(9))
    #expect(figures.pullRequestCreated == at(8))
    #expect(figures.pullRequestMerged == at(20))
    #expect((figures.prompts, figures.cancelledPrompts, figures.participants) == (2, 1, 2))
    #expect(figures.turns == .init(completed: 1, failed: 0, interrupted: 0))
    #expect(figures.spend == .init(inputTokens: 150, outputTokens: 15, requests: 3, unpricedRequests: 1, costMicroUSD: 900))
    let summary = try #require(try await writer.store.summary(span).figures)
    #expect(summary.multiplayer == .init(1, of: 1))
    #expect(summary.mergeRate == .init(1, of: 1))
    #expect(summary.promptsPerSession == .init(2, of: 1))
    #expect(summary.timeToFirstToken == .init([3250], of: 1))
    #expect(try await writer.store.waitingPrompts() == 1)
    await #expect(throws: RookeryError.self) { try await writer.store.session(try SessionID("s2")) }
  }

  @Test func webhooksThatRepeatAndPullRequestsThatWereOnlyUpdatedCountOnce() async throws {
    let writer = try SessionWriter()
    let id = try SessionID("s1")
    try writer.begin(id, at: noon)
    let pull = PullRequest(number: 5, url: "https://forge/5", title: "T", author: "ada")
    try writer.append(
      id,
      [
        // The opening's record was lost in a crash.
        (.pullRequestUpdated(pull), 1, at(1)), (.pullRequestUpdated(pull), 2, at(2)), (opened(6), 2, at(3)), (opened(7), 2, at(4)),
        (.pullRequestMerged(.init(number: 5, url: pull.url, at: at(10))), nil, at(11)),
        (.pullRequestMerged(.init(number: 5, url: pull.url, at: at(10))), nil, at(12)),
        (.pullRequestMerged(.init(number: 6, url: "https://forge/6")), nil, at(13)),
        (.pullRequestClosed(.init(number: 7, url: "https://forge/7")), nil, at(14)),
      ])
    try writer.followAll()
    let figures = try #require(try await writer.store.summary(span).figures)
    #expect(figures.pullRequestsCreated == 3)
    #expect(figures.pullRequestsMerged == 2)
    #expect(figures.mergeRate == .init(2, of: 3))
    let requests = try await writer.store.session(id).pullRequests
    #expect(requests.map(\.created) == [at(1), at(3), at(4)])
    #expect(requests.map(\.merged) == [at(10), at(13), nil])
    #expect(requests.map(\.closed) == [nil, nil, at(14)])
  }

  @Test func failedAndInterruptedTurnsCompleteNothing() async throws {
    let writer = try SessionWriter()
    let id = try SessionID("s1")
    try writer.begin(id, at: noon)
    try writer.append(
      id,
      [
        (try prompt("p1"), nil, at(0)), (try started("p1"), 1, at(1)), (try finished("p1", .failed), 1, at(2)),
        (try prompt("p2"), nil, at(3)), (try started("p2"), 2, at(4)), (.agentMessage(.init(text: "x")), 2, at(5)),
        (try finished("p2", .interrupted), 2, at(6)),
      ])
    try writer.followAll()
    let figures = try #require(try await writer.store.summary(span).figures)
    #expect(figures.completed == .init(0, of: 1))
    #expect(figures.turns == .init(completed: 0, failed: 1, interrupted: 1))
    #expect(figures.mergeRate.value == nil)
    #expect(figures.spend.costMicroUSD == nil)
  }

  @Test func aClockThatWasSetBackGivesNoNegativeWait() async throws {
    let writer = try SessionWriter()
    let id = try SessionID("s1")
    try writer.begin(id, at: noon)
    try writer.append(
      id, [(try prompt("p1"), nil, noon), (try started("p1"), 1, at(-60)), (.agentMessage(.init(text: "x")), 1, at(-50))])
    try writer.followAll()
    let figures = try #require(try await writer.store.summary(span).figures)
    #expect(figures.timeToFirstToken == .init([], of: 1))
    #expect(figures.timeToFirstToken.mean == nil)
    #expect(try await writer.store.session(id).timeToFirstToken == nil)
  }

  @Test func tokensAreTheirPromptersAndEachPersonsCostIsTold() async throws {
    let writer = try SessionWriter()
    let id = try SessionID("s1")
    try writer.begin(id, by: "ada", at: noon)
    func usage(_ tokens: Int, _ cost: Int) -> EventPayload {
      .usage(.init(inputTokens: tokens, outputTokens: 0, requests: 1, costMicroUSD: cost))
    }
    try writer.append(
      id,
      [
        (usage(1, 1), nil, at(0)), (try prompt("p1", by: "bob"), nil, at(1)), (try started("p1", by: "bob"), 1, at(2)),
        (usage(10, 10), 1, at(3)), (try finished("p1"), 1, at(4)), (usage(100, 100), nil, at(5)),
        (try prompt("p2", by: "eve"), nil, at(6)), (try started("p2", by: "eve"), 2, at(7)), (usage(1000, 1000), 2, at(8)),
      ])
    try writer.followAll()
    let users = try await writer.store.users(span, user: nil, limit: 10)
    #expect(users.map(\.name) == ["Eve", "Bob", "Ada"])
    #expect(users.map(\.spend.inputTokens) == [1000, 110, 1])
    #expect(users.map(\.prompts) == [1, 1, 0])
    #expect(try await writer.store.users(span, user: try UserID("u-bob"), limit: 10).map(\.name) == ["Bob"])
  }

  @Test func onlyTheLastFiveMinutesAreNow() async throws {
    let writer = try SessionWriter()
    for (name, seconds) in [("ada", -301.0), ("bob", -300), ("eve", -299), ("eve", -10), ("kay", 0), ("lea", 1)] {
      let id = SessionID.random(prefix: "s")
      try writer.begin(id, by: name, at: at(seconds))
      try writer.append(id, [(try prompt("p1", by: name), nil, at(seconds))])
    }
    try writer.followAll()
    let live = try await writer.store.live(now: noon, withNames: true)
    #expect(live.names?.map(\.name) == ["Eve", "Kay"])
    #expect((live.people, live.sessions) == (2, 3))
    #expect(try await writer.store.live(now: noon, withNames: false).names == nil)
  }

  @Test func theShareOfMergedPullRequestsHasATrueDenominator() async throws {
    let writer = try SessionWriter()
    let registry = try Registry(directory: writer.directory.path)
    let site = try RepositoryName("site")
    let id = try SessionID("s1")
    try writer.begin(id, at: noon)
    try writer.append(
      id, [(opened(3), 1, at(1)), (.pullRequestMerged(.init(number: 3, url: "https://forge/3", at: at(50))), nil, at(51))])
    try writer.followAll()
    func share() async throws -> Metrics.MergedShare? {
      try await writer.store.repositories(span, named: [site], registry: registry).first?.mergedShare
    }
    func merge(_ number: Int, _ seconds: Double) -> Registry.MergedPullRequest {
      .init(repository: site, number: number, url: "https://forge/\(number)", merged: at(seconds))
    }
    // Without the knowledge of all merges there is no share, however many are known.
    try await registry.recordMerged([merge(3, 50), merge(9, 20)])
    #expect(try await share() == nil)
    try await registry.mergesAreKnown(of: site, since: at(30))
    #expect(try await share()?.ratio == .init(1, of: 1))
    #expect(try await share()?.from == at(30))
    // Older ones were read from the forge.
    try await registry.recordMerged([merge(1, 10), merge(2, 11), merge(3, 99_999_999), merge(4, 86_400)])
    try await registry.mergesAreKnown(of: site, since: at(-90_000))
    #expect(try await share()?.ratio == .init(1, of: 4))
    #expect(try await share()?.from == span.from)
    try await registry.mergesAreKnown(of: site, since: at(0))
    #expect(try await share()?.from == span.from)
    try await registry.mergesAreUnknown(of: site, until: at(15))
    #expect(try await share()?.ratio == .init(1, of: 2))
  }

  @Test func anEmptyPeriodHasNoData() async throws {
    let writer = try SessionWriter()
    #expect(try await writer.store.summary(span).figures == nil)
    try writer.begin(try SessionID("s1"), at: noon)
    try writer.followAll()
    #expect(try await writer.store.summary(span, repository: try RepositoryName("other")).figures == nil)
    let series = try await writer.store.series(span, step: .hour)
    #expect(series.buckets.count == 48)
    #expect(series.buckets.filter { $0.figures != nil }.map(\.period.from) == [noon])
    let figures = try #require(try await writer.store.summary(span).figures)
    #expect(figures.timeToFirstToken.p50 == nil)
    #expect(figures.mergeRate == .init(0, of: 0))
  }
}
