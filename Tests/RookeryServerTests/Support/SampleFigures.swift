import Foundation
import RookeryMetrics
import RookeryModel
import RookeryStore
import RookeryTestSupport

/// Some weeks of sessions, as a team might have had them, derived into a server's figures.
struct SampleFigures {
  private let directory: TemporaryDirectory
  private let agent: AgentName

  init() throws {
    directory = try TemporaryDirectory(prefix: "rookery-figures")
    agent = try AgentName("goodagent")
  }

  func fill(_ store: MetricsStore, _ users: [User.Role: User]) throws {
    let eve = Author(user: try UserID("u-eve"), name: "Eve <b>", email: "eve@example.org")
    let authors = [users[.member]?.author, users[.admin]?.author, eve].compactMap { $0 }
    var number = 100
    for daysAgo in stride(from: 34, through: 1, by: -1) where daysAgo % 7 > 1 {
      for index in 0..<(1 + daysAgo * 5 % 4) {
        let author = authors[(daysAgo + index) % authors.count]
        number += 1
        try session(
          "s\(daysAgo)-\(index)", index == 1 ? "api" : "site", author, authors[(daysAgo + 2 * index) % authors.count],
          at: Date(timeIntervalSinceNow: Double(-86_400 * daysAgo + 4000 * index)), number, store)
      }
    }
    try session("s-now", "site", authors[0], authors[0], at: Date(timeIntervalSinceNow: -100), number + 1, store, isRunning: true)
  }

  private func session(
    _ name: String, _ repository: String, _ owner: Author, _ other: Author, at time: Date, _ number: Int, _ store: MetricsStore,
    isRunning: Bool = false
  ) throws {
    let id = try SessionID(name)
    var events: [(EventPayload, Int?, Double)] = [
      (.sessionCreated(.init(repository: try RepositoryName(repository), branch: "b", agent: agent, owner: owner)), nil, 0),
      (.promptQueued(.init(prompt: try PromptID("p1"), text: "x", author: owner)), nil, 0.01),
      (.turnStarted(.init(prompt: try PromptID("p1"), author: owner)), 1, 0.1),
      (.agentMessage(.init(text: "x")), 1, 0.5 + Double(number * 37 % 90) / 20),
    ]
    if !isRunning {
      let isGood = !number.isMultiple(of: 6)
      events += [
        (.usage(.init(inputTokens: 20_000 + number * 300, outputTokens: 1500, requests: 9, costMicroUSD: 61_000 + number)), 1, 60),
        (
          .turnFinished(.init(prompt: try PromptID("p1"), result: isGood ? .completed : .failed, stopReason: nil, commit: nil, error: nil)),
          1, 61
        ),
        (.promptQueued(.init(prompt: try PromptID("p2"), text: "x", author: other)), nil, 70),
      ]
      if isGood {
        events.append((.pullRequestOpened(.init(number: number, url: "https://forge/\(number)", title: "x", author: "x")), 1, 80))
      }
      if isGood, !number.isMultiple(of: 4) {
        events.append((.pullRequestMerged(.init(number: number, url: "https://forge/\(number)")), nil, 90))
      }
    }
    let log = try SessionStore(directory: directory.path, session: id, create: true)
    try log.write { transaction in
      try transaction.setMeta(Data("{}".utf8))
      for (payload, turn, seconds) in events { _ = try transaction.append(payload, turn: turn, at: time.addingTimeInterval(seconds)) }
    }
    try store.follow(id, in: directory.path)
  }
}
