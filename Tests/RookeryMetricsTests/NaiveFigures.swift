import Foundation
import RookeryModel

/// The same figures, counted from whole logs in memory, by what docs/metrics.md says and as plainly as possible.
struct NaiveFigures {
  private struct Session {
    var repository = ""
    var created = Date.distantPast
    var events: [Event] = []
  }

  private let sessions: [Session]

  init(_ logs: [SessionID: [Event]]) {
    sessions = logs.values.compactMap { events in
      guard case .sessionCreated(let body)? = events.first?.payload, let time = events.first?.time else { return nil }
      return Session(repository: body.repository.rawValue, created: time, events: events)
    }
  }

  private static func prompts(_ session: Session) -> [(PromptQueued, Date)] {
    session.events.compactMap { if case .promptQueued(let body) = $0.payload { (body, $0.time) } else { nil } }
  }

  private static func isCancelled(_ prompt: PromptID, in session: Session) -> Bool {
    session.events.contains { if case .promptCancelled(let body) = $0.payload { body.prompt == prompt } else { false } }
  }

  private static func merges(_ session: Session) -> [Int: Date] {
    var first: [Int: Date] = [:]
    for event in session.events {
      if case .pullRequestMerged(let body) = event.payload, first[body.number] == nil { first[body.number] = body.at ?? event.time }
    }
    return first
  }

  private static func wait(_ session: Session) -> Int? {
    guard let asked = prompts(session).first?.1 else { return nil }
    let sign = session.events.first { event in
      switch event.payload {
      case .agentMessage, .agentThought, .toolCall, .plan: true
      case .agentOutput(let body): body.stream == .stdout
      default: false
      }
    }
    return sign.map { Int(($0.time.timeIntervalSince(asked) * 1000).rounded()) }.flatMap { $0 < 0 ? nil : $0 }
  }

  func figures(from: Date, to: Date, repository: String?) -> Metrics.Figures? {
    let all = sessions.filter { repository == nil || $0.repository == repository }
    func isInside(_ date: Date) -> Bool { date >= from && date < to }
    let cohort = all.filter { isInside($0.created) }
    var asked = 0
    var cancelled = 0
    var users: Set<UserID> = []
    var turns = Metrics.Turns(completed: 0, failed: 0, interrupted: 0)
    var spend = Metrics.Spend(inputTokens: 0, outputTokens: 0, requests: 0, unpricedRequests: 0, costMicroUSD: nil)
    var (created, createdAndMerged, merged, usages) = (0, 0, 0, 0)
    for session in all {
      for (prompt, time) in Self.prompts(session) where isInside(time) {
        asked += 1
        if Self.isCancelled(prompt.prompt, in: session) { cancelled += 1 }
        users.insert(prompt.author.user)
      }
      merged += Self.merges(session).values.count(where: isInside)
      for event in session.events where isInside(event.time) {
        switch event.payload {
        case .turnFinished(let body):
          switch body.result {
          case .completed: turns.completed += 1
          case .failed: turns.failed += 1
          case .interrupted: turns.interrupted += 1
          }
        case .usage(let body):
          usages += 1
          spend.inputTokens += body.inputTokens
          spend.outputTokens += body.outputTokens
          spend.requests += body.requests
          if let cost = body.costMicroUSD {
            spend.costMicroUSD = (spend.costMicroUSD ?? 0) + cost
          } else {
            spend.unpricedRequests += body.requests
          }
        case .pullRequestOpened(let body):
          created += 1
          if Self.merges(session)[body.number] != nil { createdAndMerged += 1 }
        default: break
        }
      }
    }
    guard !cohort.isEmpty || asked + created + merged + usages + turns.completed + turns.failed + turns.interrupted > 0 else { return nil }
    return Metrics.Figures(
      sessions: cohort.count, prompts: asked - cancelled, cancelledPrompts: cancelled, users: users.count, pullRequestsCreated: created,
      pullRequestsMerged: merged, mergeRate: .init(createdAndMerged, of: created),
      multiplayer: .init(cohort.count { Set(Self.prompts($0).map(\.0.author.user)).count > 1 }, of: cohort.count),
      completed: .init(
        cohort.count { session in
          session.events.contains { if case .turnFinished(let body) = $0.payload { body.result == .completed } else { false } }
        }, of: cohort.count),
      promptsPerSession: .init(
        cohort.reduce(0) { sum, session in sum + Self.prompts(session).count { !Self.isCancelled($0.0.prompt, in: session) } },
        of: cohort.count), timeToFirstToken: .init(cohort.compactMap(Self.wait), of: cohort.count), turns: turns, spend: spend)
  }
}
