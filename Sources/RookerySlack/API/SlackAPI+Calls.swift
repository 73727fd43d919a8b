import Foundation
import RookeryModel

/// Where a conversation is.
package struct SlackPlace: Sendable, Hashable, Codable {
  package var channel: String
  /// The `ts` of the thread's first message.
  package var thread: String
  package init(channel: String, thread: String) {
    self.channel = channel
    self.thread = thread
  }
}

/// What a message of ours shows.
package struct SlackContent: Sendable, Equatable {
  /// What notifications and old clients show.
  package var text: String
  package var blocks: [JSONValue]
  package init(text: String, blocks: [JSONValue] = []) {
    self.text = text
    self.blocks = blocks
  }
}

/// The calls that Rookery makes. Each throws `SlackFailure`.
extension SlackAPI {
  /// The type of the metadata by which a message of ours is found again.
  package static let metadataType = "rookery_message"

  package struct Identity: Sendable, Equatable {
    package var team: String
    package var user: String
    package var bot: String
    package var scopes: [String]
  }

  /// Who the bot's token is.
  package func identity() async throws -> Identity {
    let (value, scopes) = try await callWithHeaders("auth.test")
    return Identity(
      team: value["team_id"]?.string ?? "", user: value["user_id"]?.string ?? "", bot: value["bot_id"]?.string ?? "", scopes: scopes)
  }

  /// A Socket Mode address; it is a secret, and good for one connection.
  package func openConnection() async throws -> Secret {
    Secret(try await call("apps.connections.open")["url"]?.string ?? "")
  }

  /// Posts into a thread; returns the message's `ts`.
  package func post(_ content: SlackContent, to place: SlackPlace, key: String) async throws -> String {
    let value = try await call(
      "chat.postMessage",
      [
        "channel": .string(place.channel), "thread_ts": .string(place.thread), "text": .string(content.text),
        "blocks": .array(content.blocks), "unfurl_links": false, "unfurl_media": false,
        "metadata": ["event_type": .string(Self.metadataType), "event_payload": ["key": .string(key)]],
      ])
    return value["ts"]?.string ?? ""
  }

  package func update(_ content: SlackContent, channel: String, ts: String, key: String) async throws {
    try await call(
      "chat.update",
      [
        "channel": .string(channel), "ts": .string(ts), "text": .string(content.text), "blocks": .array(content.blocks),
        "metadata": ["event_type": .string(Self.metadataType), "event_payload": ["key": .string(key)]],
      ])
  }

  package func postEphemeral(_ content: SlackContent, to place: SlackPlace, user: String) async throws {
    try await call(
      "chat.postEphemeral",
      [
        "channel": .string(place.channel), "thread_ts": .string(place.thread), "user": .string(user), "text": .string(content.text),
        "blocks": .array(content.blocks),
      ])
  }

  /// Adding twice or removing what is not there is no failure.
  package func react(_ name: String, channel: String, ts: String, isAdded: Bool) async throws {
    do {
      try await call(
        isAdded ? "reactions.add" : "reactions.remove",
        ["channel": .string(channel), "timestamp": .string(ts), "name": .string(name)])
    } catch let failure as SlackFailure where ["already_reacted", "no_reaction", "message_not_found"].contains(failure.code ?? "") {
      return
    }
  }

  /// The `ts` of a message of ours that was posted under `key`, if it was.
  package func find(key: String, in place: SlackPlace) async throws -> String? {
    var cursor = ""
    for _ in 0..<20 {
      var arguments: [String: JSONValue] = [
        "channel": .string(place.channel), "ts": .string(place.thread), "limit": 200, "include_all_metadata": true,
      ]
      if !cursor.isEmpty { arguments["cursor"] = .string(cursor) }
      let value = try await call("conversations.replies", arguments)
      for message in value["messages"]?.array ?? []
      where message["metadata"]?["event_type"]?.string == Self.metadataType
        && message["metadata"]?["event_payload"]?["key"]?.string == key
      {
        return message["ts"]?.string
      }
      cursor = value["response_metadata"]?["next_cursor"]?.string ?? ""
      if cursor.isEmpty { return nil }
    }
    return nil
  }

  /// The thread's messages before `ts`, oldest first, at most `limit`.
  package func messages(in place: SlackPlace, before ts: String, limit: Int = 30) async throws -> [JSONValue] {
    let value = try await call(
      "conversations.replies",
      [
        "channel": .string(place.channel), "ts": .string(place.thread), "latest": .string(ts), "inclusive": false,
        "limit": .integer(Int64(limit)),
      ])
    return (value["messages"]?.array ?? []).filter { ($0["ts"]?.string ?? "") < ts }
  }

  package func permalink(channel: String, ts: String) async throws -> String? {
    try await call("chat.getPermalink", ["channel": .string(channel), "message_ts": .string(ts)])["permalink"]?.string
  }

  /// Puts a file into a thread.
  package func share(_ data: Data, name: String, title: String, in place: SlackPlace) async throws {
    let slot = try await call("files.getUploadURLExternal", ["filename": .string(name), "length": .integer(Int64(data.count))])
    guard let address = slot["upload_url"]?.string, let file = slot["file_id"]?.string else {
      throw SlackFailure.unreachable("it gave no address for an upload")
    }
    try await upload(data, to: address)
    try await call(
      "files.completeUploadExternal",
      [
        "files": [["id": .string(file), "title": .string(title)]], "channel_id": .string(place.channel),
        "thread_ts": .string(place.thread),
      ])
  }

  package enum AgentStatus: String, Sendable { case active, processing, suspended, closed }

  /// The native surface of agents, where a workspace has it.
  package func setStatus(_ status: AgentStatus, in place: SlackPlace, title: String?, initiator: String?) async throws {
    var arguments: [String: JSONValue] = [
      "channel_id": .string(place.channel), "thread_ts": .string(place.thread), "status": .string(status.rawValue),
    ]
    if let title { arguments["title"] = .string(String(title.prefix(SlackLimits.sessionTitle))) }
    if let initiator { arguments["initiator_user_id"] = .string(initiator) }
    try await call("agents.sessions.setStatus", arguments)
  }
}
