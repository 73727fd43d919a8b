import Foundation
import RookeryModel
import RookeryRouting
import RookerySessions
import RookeryStore

/// From a mention to a session.
extension SlackDesk {
  func request(_ text: String, repository: RepositoryName?, _ message: SlackMessageEvent, _ user: User) async throws {
    let place = message.place
    let channel = message.isDirect ? nil : try await channels.channel(message.channel)
    let (before, own) = try await context(of: message)
    // The words that stand there now: an edit may have overtaken the message.
    let names = Set(try await registry.repositories().map(\.name))
    var (text, repository) = (text, repository)
    if let own, own != message.text, case .work(let newer, let named) = SlackCommand(try await plain(own), names: names) {
      (text, repository) = (newer, named)
    }
    let question = try await routing.question(
      message: text, thread: before, channel: channel?.name, topic: channel?.topic, for: user)
    var pending = PendingRequest(
      person: message.person, user: user.id, ts: message.ts, text: text, files: message.files, before: before, channel: channel?.name,
      topic: channel?.topic, link: try? await api.permalink(channel: message.channel, ts: message.ts), offered: [], repository: repository)
    guard !question.candidates.isEmpty else { return try await reply(SlackWords.noRepositories, key: "none.\(message.ts)", in: place) }
    if pending.repository == nil {
      // The likely one gets ready while a model is asked, or a person.
      if let likely = RoutingRules(question).decide().likely.first {
        let warm = warm
        Task { await warm(likely, user.id) }
      }
      let decision = try await routing.router.decide(question)
      pending.repository = decision.repository
      pending.offered = decision.likely
    }
    let rest = question.candidates.map(\.name).filter { !pending.offered.contains($0) }.sorted()
    pending.offered += rest
    try await registry.setSlackPending(JSON.encode(pending), channel: place.channel, thread: place.thread)
    if pending.repository != nil { try await begin(pending, in: place) } else { try await ask(pending, in: place) }
  }

  /// The thread's messages before this one, and this one's text as it stands there now.
  private func context(of message: SlackMessageEvent) async throws -> (before: [String], own: String?) {
    let value = try await api.call(
      "conversations.replies", ["channel": .string(message.channel), "ts": .string(message.thread), "limit": 100])
    var before: [String] = []
    var own: String?
    for entry in value["messages"]?.array ?? [] {
      guard let ts = entry["ts"]?.string else { continue }
      if ts == message.ts {
        own = entry["text"]?.string
      } else if ts < message.ts, entry["user"]?.string != identity.user {
        let text = try await plain(entry["text"]?.string ?? "")
        let files = (entry["files"]?.array ?? []).compactMap { $0["permalink"]?.string ?? $0["name"]?.string }
        guard !text.isEmpty || !files.isEmpty else { continue }
        var name = entry["username"]?.string ?? "app"
        if let person = entry["user"]?.string { name = await people.name(of: person) }
        before.append("\(name): \(([text] + files).filter { !$0.isEmpty }.joined(separator: "\n"))")
      }
    }
    return (before, own)
  }

  /// Asks where it belongs.
  func ask(_ pending: PendingRequest, in place: SlackPlace) async throws {
    try await reply(SlackWords.picker(pending.offered), key: "pick.\(pending.ts)", in: place)
  }

  /// Somebody chose.
  func choose(_ name: RepositoryName, _ pending: PendingRequest, in place: SlackPlace, by user: User, person: String) async throws {
    var pending = pending
    pending.repository = name
    try await registry.setSlackPending(JSON.encode(pending), channel: place.channel, thread: place.thread)
    if let channel = pending.channel { try await routing.remember(name, in: channel, by: user.id) }
    try await reply(SlackWords.chosen(name, by: person), key: "pick.\(pending.ts)", in: place)
    try await begin(pending, in: place)
  }

  /// Makes the session, and says so at once.
  func begin(_ pending: PendingRequest, in place: SlackPlace) async throws {
    guard let repository = pending.repository else { return }
    let user = try await registry.user(pending.user)
    let request = API.CreateSession(
      requestId: "slack:\(place.channel):\(pending.ts)", repository: repository, prompt: pending.prompt)
    let receipt: API.PromptReceipt
    do { receipt = try await sessions.create(request, by: user) } catch let error as RookeryError where error.code != .unavailable {
      try await registry.setSlackPending(nil, channel: place.channel, thread: place.thread)
      return try await reply(SlackWords.failure(error), key: "error.\(pending.ts)", in: place)
    }
    let messages = ThreadMessages(session: receipt.session, link: "\(origin)/sessions/\(receipt.session)")
    await sender.want(.show(messages.starting(repository)), key: "start.\(pending.ts)", in: place)
    try await registry.beginSlackSession(
      .init(
        channel: place.channel, ts: pending.ts, thread: place.thread, session: receipt.session, prompt: receipt.prompt,
        person: pending.person))
    await sender.want(
      .status(.processing, title: SlackText.clip(pending.text, to: 100), initiator: pending.person), key: "status", in: place)
    await followers.follow(place, session: receipt.session)
    if SlackPeople.isUnlinked(user) {
      try await tell(SlackWords.link(try await linkAddress(pending.person, name: user.name)), pending.person, in: place)
    }
    try await catchUp(place, after: pending)
  }

  /// Replies that overtook the message which began the session.
  private func catchUp(_ place: SlackPlace, after pending: PendingRequest) async throws {
    let value = try await api.call(
      "conversations.replies", ["channel": .string(place.channel), "ts": .string(place.thread), "oldest": .string(pending.ts), "limit": 50])
    for entry in value["messages"]?.array ?? [] {
      guard let ts = entry["ts"]?.string, ts > pending.ts, !pending.more.contains(where: { $0.ts == ts }) else { continue }
      guard case .object(var members) = entry else { continue }
      members["channel"] = .string(place.channel)
      members["type"] = "message"
      let event: JSONValue = ["team_id": .string(identity.team), "event": .object(members)]
      guard let found = SlackEvent(kind: "events_api", payload: event), case .message = found else { continue }
      try await handle(found)
    }
  }
}
