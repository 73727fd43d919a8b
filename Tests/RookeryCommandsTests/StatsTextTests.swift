import Foundation
import RookeryCommands
import RookeryModel
import Testing

/// How `rookery stats` words its figures.
@Suite struct StatsTextTests {
  private func figures(_ waits: [Int], created: Int, merged: Int) -> Metrics.Figures {
    Metrics.Figures(
      sessions: 3, prompts: 7, cancelledPrompts: 1, users: 2, pullRequestsCreated: created, pullRequestsMerged: merged,
      mergeRate: .init(merged, of: created), multiplayer: .init(1, of: 3), completed: .init(2, of: 3), promptsPerSession: .init(7, of: 3),
      timeToFirstToken: .init(waits, of: 3), turns: .init(completed: 5, failed: 1, interrupted: 1),
      spend: .init(inputTokens: 0, outputTokens: 0, requests: 0, unpricedRequests: 0, costMicroUSD: nil))
  }

  @Test func whatRestsOnNothingIsNoData() throws {
    let lines = Dictionary(StatsText.lines(figures([], created: 0, merged: 0)), uniquingKeysWith: { $1 })
    #expect(lines["Merge rate"] == "no data")
    #expect(lines["Time to first token"] == "no data (0 of 3 sessions)")
    #expect(lines["Tokens"] == "no data")
    #expect(lines["Cost"] == "no data")
    #expect(lines["Pull requests created"] == "0")
  }

  @Test func everyRatioSaysOfHowMany() throws {
    let lines = Dictionary(StatsText.lines(figures([400, 1200], created: 3, merged: 2)), uniquingKeysWith: { $1 })
    #expect(lines["Merge rate"] == "67 % (2 of 3)")
    #expect(lines["Prompts a session"] == "2.3 (7 in 3)")
    #expect(lines["Prompts"] == "7, and 1 cancelled")
    #expect(
      lines["Time to first token"] == "800 ms on average; median 400 ms, 90 % 1.2 s, 99 % 1.2 s (2 of 3 sessions)")
  }

  @Test func costsAndTimesAreWorded() throws {
    func cost(_ micro: Int?) -> String {
      StatsText.cost(.init(inputTokens: 1, outputTokens: 1, requests: 1, unpricedRequests: 0, costMicroUSD: micro))
    }
    #expect([nil, 0, 4200, 1_204_000].map(cost) == ["no data", "$0.00", "$0.0042", "$1.20"])
    let date = Date(timeIntervalSince1970: 1_763_985_600)
    #expect(StatsText.time(date, zone: "Europe/Berlin", withHours: true) == "2025-11-24 13:00")
    #expect(StatsText.encoded("Europe/Berlin 2026-11-25T10:00:00+01:00&x") == "Europe%2FBerlin%202026-11-25T10%3A00%3A00%2B01%3A00%26x")
  }
}
