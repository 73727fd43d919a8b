import Foundation
import RookeryModel

@testable import RookeryMetrics

/// Sessions in which everything happens that may, in an order and at times that a seed decides.
struct RandomHistory {
  typealias Entry = (EventPayload, Int?, Date)

  /// A session as it goes on: its prompts by what became of them.
  private struct Course {
    var queued: [(PromptID, String)] = []
    var running: (PromptID, String)?
    var turn = 0
    var prompts = 0
    var requests: [Int] = []
  }

  private(set) var sessions: [SessionID] = []
  /// Every event of every session, as a naive reader has them.
  private(set) var events: [SessionID: [Event]] = [:]
  private var courses: [SessionID: Course] = [:]
  private var now = Date(timeIntervalSince1970: 1_763_900_000)
  private var steps: Int
  private var nextNumber = 1

  static let people = ["ada", "bob", "eve", "kay"]
  static let repositories = ["site", "api", "docs"]

  init(random: inout SeededGenerator, steps: Int = 400) throws { self.steps = steps }

  /// What one session commits next; nil when the history is over.
  mutating func next(_ random: inout SeededGenerator) throws -> (SessionID, [Entry])? {
    guard steps > 0 else { return nil }
    steps -= 1
    now += Double(Int.random(in: 0...7_200_000, using: &random)) / 1000
    let session: SessionID
    var entries: [Entry]
    if sessions.isEmpty || Int.random(in: 0..<12, using: &random) == 0 {
      session = SessionID.random(prefix: "s")
      sessions.append(session)
      courses[session] = Course()
      entries = [
        (
          .sessionCreated(
            .init(
              repository: try RepositoryName(Self.repositories.randomElement(using: &random) ?? "site"), branch: "b",
              agent: try AgentName("command"), owner: try SessionWriter.person(Self.people.randomElement(using: &random) ?? "ada"))),
          nil, now
        )
      ]
    } else {
      session = sessions.randomElement(using: &random) ?? sessions[0]
      entries = try step(session, &random).map { ($0.0, $0.1, now) }
    }
    for (payload, turn, time) in entries {
      let seq = Int64((events[session]?.count ?? 0) + 1)
      events[session, default: []].append(Event(seq: seq, time: time, turn: turn, payload: payload))
    }
    return (session, entries)
  }

  private mutating func step(_ session: SessionID, _ random: inout SeededGenerator) throws -> [(EventPayload, Int?)] {
    var course = courses[session] ?? Course()
    defer { courses[session] = course }
    let turn = course.running == nil ? nil : course.turn
    switch Int.random(in: 0..<12, using: &random) {
    case 0, 1, 2:
      course.prompts += 1
      let name = Self.people.randomElement(using: &random) ?? "ada"
      let id = try PromptID("p\(course.prompts)")
      course.queued.append((id, name))
      return [(try prompt(id.rawValue, by: name), nil)]
    case 3:
      guard !course.queued.isEmpty else { return [] }
      let (id, name) = course.queued.remove(at: Int.random(in: 0..<course.queued.count, using: &random))
      return [(.promptCancelled(.init(prompt: id, by: try UserID("u-\(name)"))), nil)]
    case 4, 5, 6:
      guard course.running == nil, !course.queued.isEmpty else { return [] }
      let (id, name) = course.queued.removeFirst()
      course.running = (id, name)
      course.turn += 1
      return [(try started(id.rawValue, by: name), course.turn)]
    case 7:
      guard turn != nil else { return [] }
      return [
        (.agentOutput(.init(stream: .stderr, text: "log")), turn), (.agentMessage(.init(text: "hello")), turn),
        (.agentMessage(.init(text: "again")), turn), (.toolUpdate(.init(id: "t", title: "x")), turn),
      ]
    case 8:
      let cost = Bool.random(using: &random) ? Int.random(in: 0...5000, using: &random) : nil
      return [(.usage(.init(inputTokens: Int.random(in: 0...999, using: &random), outputTokens: 3, requests: 1, costMicroUSD: cost)), turn)]
    case 9:
      guard let (id, _) = course.running else { return [] }
      course.running = nil
      let result = [TurnFinished.Result.completed, .failed, .interrupted].randomElement(using: &random) ?? .failed
      return [(try finished(id.rawValue, result), course.turn)]
    case 10:
      course.requests.append(nextNumber)
      nextNumber += 1
      return [(opened(nextNumber - 1), turn)]
    default:
      guard let number = course.requests.randomElement(using: &random) else { return [(.notice(.init(level: .info, text: "x")), nil)] }
      return [
        Bool.random(using: &random)
          ? (.pullRequestMerged(.init(number: number, url: "https://forge/\(number)")), nil)
          : (.pullRequestClosed(.init(number: number, url: "https://forge/\(number)")), nil)
      ]
    }
  }
}
