import Foundation
import RookeryModel

/// What came from Slack, as far as it concerns us.
enum SlackEvent: Sendable, Equatable {
  /// Somebody wrote in a channel or to us.
  case message(SlackMessageEvent)
  /// Somebody changed what they wrote.
  case edited(SlackMessageEvent)
  /// Somebody took back what they wrote.
  case deleted(channel: String, ts: String)
  /// Somebody pressed a button or chose from a menu.
  case action(SlackActionEvent)
  /// The native stop button.
  case stopped(SlackPlace, person: String)

  /// The conversation whose order it keeps.
  var place: SlackPlace {
    switch self {
    case .message(let message), .edited(let message): message.place
    case .deleted(let channel, let ts): SlackPlace(channel: channel, thread: ts)
    case .action(let action): action.place
    case .stopped(let place, _): place
    }
  }
}

struct SlackMessageEvent: Sendable, Equatable {
  var team: String
  var channel: String
  var ts: String
  /// The thread's first message; its own `ts` outside of a thread.
  var thread: String
  var person: String
  var text: String
  /// Names and addresses of files that came along.
  var files: [String]
  /// Whether it is a direct message, in which no mention is needed.
  var isDirect: Bool
  /// Whether it came as a mention of us.
  var isMention: Bool

  var isInThread: Bool { thread != ts }
  var place: SlackPlace { SlackPlace(channel: channel, thread: thread) }
}

struct SlackActionEvent: Sendable, Equatable {
  var team: String
  var place: SlackPlace
  var person: String
  var action: String
  var value: String
}

extension SlackEvent {
  /// The id by which a delivery is recognised when it comes again, and where from the id is missing, from what it says.
  static func identity(kind: String, payload: JSONValue) -> String? {
    switch kind {
    case "events_api", "event_callback": payload["event_id"]?.string
    case "interactive":
      // Each press has a trigger of its own; a repeated delivery has the same.
      payload["trigger_id"]?.string ?? payload["actions"]?.array?.first?["action_ts"]?.string
    default: nil
    }
  }

  /// Nil: it doesn't concern us.
  init?(kind: String, payload: JSONValue) {
    if kind == "interactive" {
      guard let action = Self.action(payload) else { return nil }
      self = .action(action)
      return
    }
    let team = payload["team_id"]?.string ?? ""
    guard let event = payload["event"] else { return nil }
    switch event["type"]?.string {
    case "app_mention":
      guard let message = Self.message(event, team: team, isMention: true) else { return nil }
      self = .message(message)
    case "message": self.init(message: event, team: team)
    case "agent_session_stopped":
      guard let channel = event["channel"]?.string, let thread = event["thread_ts"]?.string else { return nil }
      self = .stopped(SlackPlace(channel: channel, thread: thread), person: event["user"]?.string ?? "")
    default: return nil
    }
  }

  private init?(message event: JSONValue, team: String) {
    let channel = event["channel"]?.string ?? ""
    switch event["subtype"]?.string {
    case nil, "file_share", "thread_broadcast":
      guard let message = Self.message(event, team: team, isMention: false) else { return nil }
      self = .message(message)
    case "message_changed":
      guard var inner = event["message"], inner["text"] != event["previous_message"]?["text"], inner["edited"] != nil else { return nil }
      if case .object(var members) = inner {
        members["channel"] = .string(channel)
        members["channel_type"] = event["channel_type"] ?? nil
        inner = .object(members)
      }
      guard let message = Self.message(inner, team: team, isMention: false) else { return nil }
      self = .edited(message)
    case "message_deleted":
      guard let ts = event["deleted_ts"]?.string else { return nil }
      self = .deleted(channel: channel, ts: ts)
    default: return nil
    }
  }

  /// Nil for what bots wrote, ourselves among them.
  private static func message(_ event: JSONValue, team: String, isMention: Bool) -> SlackMessageEvent? {
    guard let channel = event["channel"]?.string, let ts = event["ts"]?.string, let person = event["user"]?.string,
      event["bot_id"]?.string == nil, event["bot_profile"] == nil
    else { return nil }
    let files = (event["files"]?.array ?? []).prefix(20).map { file in
      let name = file["name"]?.string ?? file["title"]?.string ?? "file"
      return file["permalink"]?.string.map { "\(name) (\($0))" } ?? name
    }
    return SlackMessageEvent(
      team: event["team"]?.string ?? team, channel: channel, ts: ts, thread: event["thread_ts"]?.string ?? ts, person: person,
      text: event["text"]?.string ?? "", files: files, isDirect: event["channel_type"]?.string == "im", isMention: isMention)
  }

  private static func action(_ payload: JSONValue) -> SlackActionEvent? {
    guard payload["type"]?.string == "block_actions", let action = payload["actions"]?.array?.first,
      let id = action["action_id"]?.string, let person = payload["user"]?["id"]?.string,
      let channel = payload["channel"]?["id"]?.string ?? payload["container"]?["channel_id"]?.string
    else { return nil }
    let message = payload["message"]
    let thread =
      message?["thread_ts"]?.string ?? payload["container"]?["thread_ts"]?.string ?? message?["ts"]?.string
      ?? payload["container"]?["message_ts"]?.string ?? ""
    return SlackActionEvent(
      team: payload["team"]?["id"]?.string ?? payload["user"]?["team_id"]?.string ?? "",
      place: SlackPlace(channel: channel, thread: thread), person: person, action: id,
      value: action["selected_option"]?["value"]?.string ?? action["value"]?.string ?? "")
  }
}
