import Foundation
import RookeryModel
import Synchronization

/// What each method does.
extension SlackModel {
  func perform(_ method: String, _ arguments: [String: JSONValue]) -> JSONValue {
    func text(_ name: String) -> String { arguments[name]?.string ?? "" }
    switch method {
    case "auth.test":
      return [
        "ok": true, "team_id": .string(SlackDouble.team), "user_id": .string(SlackDouble.bot), "bot_id": "B0ROOKERY",
        "url": "https://t.slack.com/",
      ]
    case "apps.connections.open":
      let ticket = UUID().uuidString
      let origin = state.withLock { state in
        state.tickets.insert(ticket)
        return state.origin
      }
      return ["ok": true, "url": .string("ws://\(origin)/link?ticket=\(ticket)&app_id=A0TEST")]
    case "users.info": return state.withLock { $0.people[text("user")] }.map { ["ok": true, "user": $0] } ?? Self.no("user_not_found")
    case "conversations.info":
      return state.withLock { $0.channels[text("channel")] }.map { ["ok": true, "channel": $0] } ?? Self.no("channel_not_found")
    case "conversations.replies": return replies(arguments)
    case "chat.postMessage", "chat.postEphemeral": return post(arguments, isEphemeral: method == "chat.postEphemeral")
    case "chat.update": return update(arguments)
    case "chat.getPermalink":
      return [
        "ok": true, "permalink": .string("https://t.slack.com/archives/\(text("channel"))/p\(text("message_ts").filter { $0 != "." })"),
      ]
    case "reactions.add", "reactions.remove": return react(arguments, isAdded: method == "reactions.add")
    case "files.getUploadURLExternal":
      let id = "F\(UUID().uuidString.prefix(8))"
      return state.withLock { state in
        state.uploads[id] = (text("filename"), Int(text("length")) ?? -1, nil)
        return ["ok": true, "file_id": .string(id), "upload_url": .string("http://\(state.origin)/upload/\(id)")]
      }
    case "files.completeUploadExternal": return complete(arguments)
    case "agents.sessions.setStatus":
      return state.withLock { state in
        guard state.hasAgentSurface else { return Self.no("not_allowed_for_app") }
        state.statuses.append("\(text("thread_ts")) \(text("status"))")
        return ["ok": true, "status": .string(text("status"))]
      }
    default: return Self.no("unknown_method")
    }
  }

  static func no(_ code: String) -> JSONValue { ["ok": false, "error": .string(code)] }

  private func replies(_ arguments: [String: JSONValue]) -> JSONValue {
    let (channel, thread) = (arguments["channel"]?.string ?? "", arguments["ts"]?.string ?? "")
    let (oldest, latest) = (arguments["oldest"]?.string ?? "", arguments["latest"]?.string ?? "9")
    let withMetadata = arguments["include_all_metadata"]?.string == "true"
    return state.withLock { state in
      guard state.channels[channel] != nil || channel.hasPrefix("D") else { return Self.no("channel_not_found") }
      let found = state.messages.filter { message in
        message.channel == channel && message.onlyFor == nil && (message.ts == thread || message.thread == thread)
          && (message.ts == thread || (message.ts > oldest && message.ts < latest))
      }
      guard found.contains(where: { $0.ts == thread }) else { return Self.no("thread_not_found") }
      let messages = found.map { message -> JSONValue in
        var value: [String: JSONValue] = [
          "type": "message", "ts": .string(message.ts), "user": .string(message.user), "text": .string(message.text),
        ]
        if let thread = message.thread { value["thread_ts"] = .string(thread) }
        if message.isBot { value["bot_id"] = "B0ROOKERY" }
        if withMetadata, let metadata = message.metadata { value["metadata"] = metadata }
        return .object(value)
      }
      return ["ok": true, "messages": .array(messages), "has_more": false, "response_metadata": ["next_cursor": ""]]
    }
  }

  private func post(_ arguments: [String: JSONValue], isEphemeral: Bool) -> JSONValue {
    let ts = nextTimestamp()
    let channel = arguments["channel"]?.string ?? ""
    return state.withLock { state in
      guard state.channels[channel] != nil || channel.hasPrefix("D") else { return Self.no("channel_not_found") }
      let thread = arguments["thread_ts"]?.string
      if let thread, !state.messages.contains(where: { $0.channel == channel && $0.ts == thread }) { return Self.no("thread_not_found") }
      if isEphemeral, state.people[arguments["user"]?.string ?? ""] == nil { return Self.no("user_not_in_channel") }
      state.messages.append(
        SlackDouble.Message(
          channel: channel, ts: ts, thread: thread, user: SlackDouble.bot, text: arguments["text"]?.string ?? "",
          blocks: arguments["blocks"]?.array ?? [], metadata: arguments["metadata"], onlyFor: isEphemeral ? arguments["user"]?.string : nil,
          isBot: true))
      return isEphemeral
        ? ["ok": true, "message_ts": .string(ts)] : ["ok": true, "channel": .string(channel), "ts": .string(ts)]
    }
  }

  private func update(_ arguments: [String: JSONValue]) -> JSONValue {
    let (channel, ts) = (arguments["channel"]?.string ?? "", arguments["ts"]?.string ?? "")
    return state.withLock { state in
      guard let index = state.messages.firstIndex(where: { $0.channel == channel && $0.ts == ts }) else {
        return Self.no("message_not_found")
      }
      guard state.messages[index].isBot else { return Self.no("cant_update_message") }
      state.messages[index].text = arguments["text"]?.string ?? ""
      state.messages[index].blocks = arguments["blocks"]?.array ?? []
      if let metadata = arguments["metadata"] { state.messages[index].metadata = metadata }
      state.messages[index].edits += 1
      return ["ok": true, "channel": .string(channel), "ts": .string(ts)]
    }
  }

  private func react(_ arguments: [String: JSONValue], isAdded: Bool) -> JSONValue {
    let (channel, ts, name) = (arguments["channel"]?.string ?? "", arguments["timestamp"]?.string ?? "", arguments["name"]?.string ?? "")
    return state.withLock { state in
      guard let index = state.messages.firstIndex(where: { $0.channel == channel && $0.ts == ts }) else {
        return Self.no("message_not_found")
      }
      if isAdded {
        return state.messages[index].reactions.insert(name).inserted ? ["ok": true] : Self.no("already_reacted")
      }
      return state.messages[index].reactions.remove(name) != nil ? ["ok": true] : Self.no("no_reaction")
    }
  }

  private func complete(_ arguments: [String: JSONValue]) -> JSONValue {
    let ids = arguments["files"]?.array?.compactMap { $0["id"]?.string } ?? []
    return state.withLock { state in
      for id in ids {
        guard let slot = state.uploads.removeValue(forKey: id), let data = slot.data else { return Self.no("file_not_found") }
        state.shared.append((slot.name, arguments["thread_ts"]?.string, data))
      }
      return ["ok": true, "files": .array(ids.map { ["id": .string($0)] })]
    }
  }
}
