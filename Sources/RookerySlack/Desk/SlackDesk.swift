import Foundation
import Logging
import RookeryConfiguration
import RookeryModel
import RookeryRouting
import RookerySessions
import RookeryStore

/// Turns what people write and press in Slack into work. Every step is safe to repeat: a delivery that was dealt with halfway before a
/// crash is dealt with again.
struct SlackDesk: Sendable {
  let api: SlackAPI
  let registry: Registry
  let sessions: any SessionService
  let routing: RoutingDesk
  let people: SlackPeople
  let channels: SlackChannels
  let sender: SlackSender
  let followers: ThreadFollowers
  /// Has a sandbox ready for a session that is likely to come.
  let warm: @Sendable (RepositoryName, UserID) async -> Void
  let identity: SlackAPI.Identity
  /// Where people reach the server.
  let origin: String
  let logger: Logger

  func handle(_ event: SlackEvent) async throws {
    do {
      switch event {
      case .message(let message): try await receive(message)
      case .edited(let message): try await edit(message)
      case .deleted(let channel, let ts): try await delete(channel: channel, ts: ts)
      case .action(let action): try await act(action)
      case .stopped(let place, let person): try await stop(place, person: person, ts: nil)
      }
    } catch let failure as SlackFailure where !failure.mayImprove {
      // Trying again would be refused again: the channel was left, or a scope is missing.
      logger.warning("Slack refused a call", metadata: ["error": "\(failure.error)"])
    }
  }

  // MARK: Messages

  private func receive(_ message: SlackMessageEvent) async throws {
    guard message.person != identity.user else { return }
    let place = message.place
    guard try await registry.slackPrompt(channel: message.channel, ts: message.ts) == nil else { return }
    let thread = try await registry.slackThread(channel: place.channel, thread: place.thread)
    let isOurs = thread?.session != nil || thread?.pending != nil
    let isCalled = message.isMention || message.isDirect || SlackText.mentions(message.text).contains(identity.user)
    guard isOurs || isCalled else { return }
    // People talk to each other in the thread, too.
    if !isCalled, let addressee = SlackText.addressee(message.text), addressee != identity.user { return }
    guard let user = try await member(message.person, in: place, ts: message.ts) else { return }
    let text = try await plain(message.text)
    let names = Set(try await registry.repositories().map(\.name))
    switch SlackCommand(text, names: names) {
    case .help where message.files.isEmpty: try await reply(SlackWords.help(bot: identity.user), key: "help.\(message.ts)", in: place)
    case .status: try await status(thread, for: user, key: "status.\(message.ts)", in: place)
    case .stop: try await stop(place, person: message.person, ts: message.ts)
    case .help: try await work("", repository: nil, message, thread, user)
    case .work(let text, let repository): try await work(text, repository: repository, message, thread, user)
    }
  }

  private func work(
    _ text: String, repository: RepositoryName?, _ message: SlackMessageEvent, _ thread: Registry.SlackThread?, _ user: User
  ) async throws {
    let place = message.place
    if let session = thread?.session {
      let prompt = SlackPromptText.make(text, files: message.files, thread: [], channel: nil, topic: nil, link: nil)
      try await followUp(prompt, message, session: session, user)
    } else if let data = thread?.pending, var pending = try? JSON.decode(PendingRequest.self, from: data) {
      // What is said while a question waits either answers it or belongs to the request.
      if let name = RepositoryName(rawValue: text.lowercased()), pending.offered.contains(name) {
        try await choose(name, pending, in: place, by: user, person: message.person)
      } else if message.ts == pending.ts {
        // The same message in another event, or again after a crash.
        if pending.repository != nil { try await begin(pending, in: place) } else { try await ask(pending, in: place) }
      } else if !pending.more.contains(where: { $0.ts == message.ts }) {
        pending.more.append(.init(ts: message.ts, text: "\(user.name): \(text)"))
        try await registry.setSlackPending(JSON.encode(pending), channel: place.channel, thread: place.thread)
      }
    } else {
      try await request(text, repository: repository, message, user)
    }
  }

  /// A prompt for the thread's session, by whoever wrote it.
  func followUp(_ text: String, _ message: SlackMessageEvent, session: SessionID, _ user: User, edition: String = "") async throws {
    let place = message.place
    let request = API.PostPrompt(requestId: "slack:\(message.channel):\(message.ts)\(edition)", text: text)
    let prompt: PromptID
    do {
      try await sessions.admit(user, to: session, as: .collaborator)
      prompt = try await sessions.prompt(session, request, by: user).prompt
    } catch let error as RookeryError where error.code == .conflict {
      // It was taken before a crash, and read differently since: the first reading counts.
      guard let known = try await sessions.detail(session).prompts.last(where: { $0.author.user == user.id }) else { throw error }
      prompt = known.id
    } catch let error as RookeryError where error.code != .unavailable {
      return try await reply(SlackWords.failure(error), key: "error.\(message.ts)", in: place)
    }
    try await registry.recordSlackPrompt(
      .init(channel: message.channel, ts: message.ts, thread: place.thread, session: session, prompt: prompt, person: message.person))
    await followers.follow(place, session: session)
  }

  private func edit(_ message: SlackMessageEvent) async throws {
    let place = message.place
    let text = try await plain(message.text)
    if let data = try await registry.slackThread(channel: place.channel, thread: place.thread)?.pending,
      var pending = try? JSON.decode(PendingRequest.self, from: data), pending.ts == message.ts, pending.repository == nil
    {
      pending.text = text
      return try await registry.setSlackPending(JSON.encode(pending), channel: place.channel, thread: place.thread)
    }
    guard let known = try await registry.slackPrompt(channel: message.channel, ts: message.ts), known.person == message.person,
      let user = try await member(message.person, in: place, ts: message.ts)
    else { return }
    let prompt = try await sessions.detail(known.session).prompts.first { $0.id == known.prompt }
    guard prompt?.state == .queued || prompt?.state == .cancelled else {
      if prompt?.state == .running { try await tell(SlackWords.tooLateToEdit, message.person, in: place) }
      return
    }
    do {
      if prompt?.state == .queued { try await sessions.cancel(known.session, prompt: known.prompt, by: user) }
    } catch let error as RookeryError where error.code == .conflict {
      return try await tell(SlackWords.tooLateToEdit, message.person, in: place)
    }
    var again = message
    again.thread = known.thread
    let edition = ":" + SlackSender.digest(SlackContent(text: message.text))
    let body = SlackPromptText.make(text, files: message.files, thread: [], channel: nil, topic: nil, link: nil)
    try await followUp(body, again, session: known.session, user, edition: edition)
  }

  private func delete(channel: String, ts: String) async throws {
    if let thread = try await registry.slackThread(channel: channel, thread: ts), thread.session == nil, thread.pending != nil {
      try await registry.setSlackPending(nil, channel: channel, thread: ts)
    }
    guard let known = try await registry.slackPrompt(channel: channel, ts: ts),
      case .user(let user) = try await people.standing(of: known.person)
    else { return }
    do { try await sessions.cancel(known.session, prompt: known.prompt, by: user) } catch let error as RookeryError {
      // It runs or ran already: what was asked is being done.
      logger.debug("a deleted message's prompt was not cancelled", metadata: ["error": "\(error)"])
    }
  }

  // MARK: Answers

  func stop(_ place: SlackPlace, person: String, ts: String?) async throws {
    guard let session = try await registry.slackThread(channel: place.channel, thread: place.thread)?.session else {
      if let ts { try await reply(SlackWords.nothingRuns, key: "stop.\(ts)", in: place) }
      return
    }
    guard let user = try await member(person, in: place, ts: ts ?? "stop") else { return }
    do {
      try await sessions.admit(user, to: session, as: .collaborator)
      try await sessions.stop(session, by: user)
    } catch let error as RookeryError where error.code != .unavailable {
      return try await reply(SlackWords.failure(error), key: "error.\(ts ?? "stop")", in: place)
    }
    if let ts { try await reply(SlackWords.stopping, key: "stop.\(ts)", in: place) }
    await followers.follow(place, session: session)
  }

  private func status(_ thread: Registry.SlackThread?, for user: User, key: String, in place: SlackPlace) async throws {
    guard let session = thread?.session else {
      let active = try await sessions.sessions(repository: nil, limit: 50, for: user).filter { $0.state != .idle }
      return try await reply(SlackWords.overview(active, origin: origin), key: key, in: place)
    }
    try await reply(SlackWords.status(try await sessions.detail(session), origin: origin), key: key, in: place)
  }

  func reply(_ content: SlackContent, key: String, in place: SlackPlace) async throws {
    try await sender.deliver(.show(content), key: key, in: place)
  }

  /// For one person's eyes; that they may miss it is no failure of the rest.
  func tell(_ content: SlackContent, _ person: String, in place: SlackPlace) async throws {
    try await api.postEphemeral(content, to: place, user: person)
  }

  /// The text as the person saw it, without our mention.
  func plain(_ text: String) async throws -> String {
    var names: [String: String] = [:]
    for id in Set(SlackText.mentions(text)).subtracting([identity.user]).prefix(20) { names[id] = await people.name(of: id) }
    return SlackText.plain(text, bot: identity.user, names: names)
  }

  /// The user that a person is, if they may begin work. Who may not is told why, once; who is nobody here gets no answer.
  func member(_ person: String, in place: SlackPlace, ts: String) async throws -> User? {
    switch try await people.standing(of: person) {
    case .ignored: return nil
    case .user(let user):
      guard user.role != .viewer else {
        try await tell(SlackWords.viewer, person, in: place)
        return nil
      }
      return user
    case .unlinked(let name):
      let key = "link.\(person).\(ts)"
      guard try await registry.slackMessage(channel: place.channel, thread: place.thread, key: key) == nil else { return nil }
      try await tell(SlackWords.link(try await linkAddress(person, name: name)), person, in: place)
      try await registry.setSlackMessage(.init(ts: "ephemeral"), channel: place.channel, thread: place.thread, key: key)
      return nil
    }
  }

  func linkAddress(_ person: String, name: String) async throws -> String {
    "\(origin)/slack/link?code=\(try await registry.issueSlackLink(.init(team: identity.team, person: person, name: name)))"
  }
}
