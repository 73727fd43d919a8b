import Foundation
import RookeryModel
import RookerySessions
import RookeryStore

/// Buttons and menus.
extension SlackDesk {
  func act(_ event: SlackActionEvent) async throws {
    guard let action = SlackAction(actionID: event.action), ![.open, .openPullRequest, .link].contains(action) else { return }
    let place = event.place
    guard let user = try await member(event.person, in: place, ts: event.action) else { return }
    do {
      switch action {
      case .pick: try await pick(event, user)
      case .stop: try await stop(place, person: event.person, ts: nil)
      case .retry, .makePullRequest: try await again(action, event, user)
      case .good, .bad: try await judge(action, event, user)
      case .open, .openPullRequest, .link: break
      }
    } catch let error as RookeryError where error.code != .unavailable {
      try await tell(SlackWords.failure(error), event.person, in: place)
    }
  }

  private func pick(_ event: SlackActionEvent, _ user: User) async throws {
    let place = event.place
    let thread = try await registry.slackThread(channel: place.channel, thread: place.thread)
    guard let data = thread?.pending, let pending = try? JSON.decode(PendingRequest.self, from: data) else {
      return try await tell(SlackWords.answered, event.person, in: place)
    }
    guard let name = RepositoryName(rawValue: event.value), pending.offered.contains(name) else { return }
    guard pending.repository == nil || pending.repository == name else {
      return try await tell(SlackWords.answered, event.person, in: place)
    }
    try await choose(name, pending, in: place, by: user, person: event.person)
  }

  /// The session and the turn that a button is about, if they are this thread's.
  private func subject(_ event: SlackActionEvent) async throws -> (session: SessionID, turn: Int)? {
    let parts = event.value.split(separator: " ")
    guard parts.count == 2, let session = SessionID(rawValue: String(parts[0])), let turn = Int(parts[1]),
      try await registry.slackThread(channel: event.place.channel, thread: event.place.thread)?.session == session
    else { return nil }
    return (session, turn)
  }

  private func again(_ action: SlackAction, _ event: SlackActionEvent, _ user: User) async throws {
    guard let (session, turn) = try await subject(event) else { return }
    let detail = try await sessions.detail(session)
    // Pressed twice, it is asked once: until something ran since, the request is the same.
    let newest = detail.prompts.compactMap(\.turn).max() ?? turn
    let text: String
    if action == .retry {
      guard let prompt = detail.prompts.first(where: { $0.turn == turn }) else { return }
      text = prompt.text
    } else {
      text = SlackWords.makePullRequest
    }
    let request = API.PostPrompt(requestId: "slack:\(action.rawValue):\(turn):\(newest):\(user.id)", text: text)
    try await sessions.admit(user, to: session, as: .collaborator)
    _ = try await sessions.prompt(session, request, by: user)
    await followers.follow(event.place, session: session)
  }

  private func judge(_ action: SlackAction, _ event: SlackActionEvent, _ user: User) async throws {
    guard let (session, turn) = try await subject(event) else { return }
    try await registry.recordSlackFeedback(session: session, turn: turn, user: user.id, verdict: action == .good ? "good" : "bad")
    try await tell(SlackWords.thanks, event.person, in: event.place)
  }
}
