import Foundation
import RookeryModel

/// What a method takes, and what Slack says to anything else.
struct SlackContract: Sendable {
  enum Kind: Sendable { case text, number, flag, list, object }

  var required: [String: Kind]
  var optional: [String: Kind] = [:]
  var scope: String?
  var takesJSON = true
  var isForApp = false

  static let methods: [String: SlackContract] = [
    "auth.test": SlackContract(required: [:], takesJSON: false),
    "apps.connections.open": SlackContract(required: [:], takesJSON: false, isForApp: true),
    "users.info": SlackContract(required: ["user": .text], optional: ["include_locale": .flag], scope: "users:read", takesJSON: false),
    "conversations.info": SlackContract(
      required: ["channel": .text], optional: ["include_num_members": .flag], scope: "channels:read", takesJSON: false),
    "conversations.replies": SlackContract(
      required: ["channel": .text, "ts": .text],
      optional: [
        "cursor": .text, "inclusive": .flag, "latest": .text, "oldest": .text, "limit": .number, "include_all_metadata": .flag,
      ], scope: "channels:history", takesJSON: false),
    "chat.getPermalink": SlackContract(required: ["channel": .text, "message_ts": .text], takesJSON: false),
    "chat.postMessage": SlackContract(
      required: ["channel": .text],
      optional: [
        "text": .text, "blocks": .list, "thread_ts": .text, "metadata": .object, "unfurl_links": .flag, "unfurl_media": .flag,
        "reply_broadcast": .flag, "mrkdwn": .flag,
      ], scope: "chat:write"),
    "chat.postEphemeral": SlackContract(
      required: ["channel": .text, "user": .text], optional: ["text": .text, "blocks": .list, "thread_ts": .text], scope: "chat:write"),
    "chat.update": SlackContract(
      required: ["channel": .text, "ts": .text], optional: ["text": .text, "blocks": .list, "metadata": .object], scope: "chat:write"),
    "reactions.add": SlackContract(required: ["channel": .text, "timestamp": .text, "name": .text], scope: "reactions:write"),
    "reactions.remove": SlackContract(required: ["channel": .text, "timestamp": .text, "name": .text], scope: "reactions:write"),
    "files.getUploadURLExternal": SlackContract(
      required: ["filename": .text, "length": .number], optional: ["alt_txt": .text, "snippet_type": .text], scope: "files:write",
      takesJSON: false),
    "files.completeUploadExternal": SlackContract(
      required: ["files": .list], optional: ["channel_id": .text, "thread_ts": .text, "initial_comment": .text], scope: "files:write"),
    "agents.sessions.setStatus": SlackContract(
      required: ["status": .text],
      optional: ["channel_id": .text, "thread_ts": .text, "title": .text, "initiator_user_id": .text], scope: "chat:write"),
  ]

  /// What is not in the contract.
  func problems(_ arguments: [String: JSONValue]) -> [String] {
    var problems: [String] = []
    // Every method takes the workspace's id, for tokens of several.
    for (name, value) in arguments where name != "team_id" {
      guard let kind = required[name] ?? optional[name] else {
        problems.append("the argument \(name)")
        continue
      }
      let fits =
        switch (kind, value) {
        case (.text, .string), (.number, .integer), (.flag, .bool), (.list, .array), (.object, .object): true
        case (.number, .string(let text)): Int(text) != nil
        case (.flag, .string(let text)): ["true", "false", "1", "0"].contains(text)
        default: false
        }
      if !fits { problems.append("the argument \(name) is of another type") }
    }
    for name in required.keys where arguments[name] == nil { problems.append("\(name) is missing") }
    for name in ["ts", "thread_ts", "timestamp", "message_ts"] {
      if let ts = arguments[name]?.string, ts.wholeMatch(of: /\d{10}\.\d{6}/) == nil { problems.append("\(name) is \(ts)") }
    }
    if let name = arguments["name"]?.string, name.wholeMatch(of: /[a-z0-9_+-]+/) == nil { problems.append("the emoji \(name)") }
    if let metadata = arguments["metadata"] {
      if metadata["event_type"]?.string?.isEmpty ?? true { problems.append("metadata without event_type") }
      if case .object? = metadata["event_payload"] {} else { problems.append("metadata without event_payload") }
    }
    if let status = arguments["status"]?.string, !["active", "processing", "suspended", "closed"].contains(status) {
      problems.append("the status \(status)")
    }
    if let title = arguments["title"]?.string, title.utf16.count > 200 { problems.append("a title of \(title.utf16.count)") }
    if let text = arguments["text"]?.string {
      if text.utf16.count > 4000 { problems.append("a text of \(text.utf16.count)") }
      if text.contains("<!channel") || text.contains("<!here") || text.contains("<!everyone") { problems.append("a mention of everybody") }
    }
    problems += SlackBlockRules.problems(arguments["blocks"]?.array ?? [])
    return problems
  }

  /// The error that Slack itself answers.
  func refusal(_ arguments: [String: JSONValue]) -> String? {
    for name in required.keys where arguments[name] == nil { return "invalid_arguments" }
    if optional["blocks"] != nil {
      let blocks = arguments["blocks"]?.array ?? []
      if blocks.isEmpty, arguments["text"]?.string?.isEmpty ?? true { return "no_text" }
      if SlackBlockRules.characters(.array(blocks)) > 13_200 { return "msg_blocks_too_long" }
      if !SlackBlockRules.problems(blocks).isEmpty { return "invalid_blocks" }
    }
    return nil
  }
}
