import RookeryConfiguration
import RookeryModel

/// The app as Slack should know it.
package struct SlackManifest: Sendable {
  let transport: Configuration.Slack.Transport
  /// Where people reach the server, without a slash at the end.
  let origin: String
  let name: String

  package init(transport: Configuration.Slack.Transport, origin: String, name: String) {
    self.transport = transport
    self.origin = origin
    self.name = name
  }

  /// What the bot's token must be good for, and why.
  package static let scopes: [(scope: String, reason: String)] = [
    ("app_mentions:read", "to be mentioned"),
    ("assistant:write", "to show as an agent, with a native stop button"),
    ("channels:history", "to read threads in public channels, and replies that go on with them"),
    ("channels:read", "to know a channel's name and topic"),
    ("chat:write", "to answer"),
    ("files:read", "to name the files of a message"),
    ("files:write", "to share screenshots and long answers"),
    ("groups:history", "as in public channels, in private ones"),
    ("groups:read", "as in public channels, in private ones"),
    ("im:history", "to be written to directly"),
    ("im:read", "to be written to directly"),
    ("im:write", "to be written to directly"),
    ("reactions:write", "to mark a message that is worked on"),
    ("users:read", "to know guests and bots, and people's names"),
    ("users:read.email", "to know who somebody is here"),
  ]

  static let events = ["agent_session_stopped", "app_mention", "message.channels", "message.groups", "message.im"]

  package var value: JSONValue {
    var interactivity: [String: JSONValue] = ["is_enabled": true]
    var subscriptions: [String: JSONValue] = ["bot_events": .array(Self.events.map { .string($0) })]
    if transport == .http {
      interactivity["request_url"] = .string("\(origin)/v1/slack/interactivity")
      subscriptions["request_url"] = .string("\(origin)/v1/slack/events")
    }
    return [
      "display_information": [
        "name": .string(String(name.prefix(35))), "description": "Background coding agents",
        "background_color": "#1f2933",
      ],
      "features": [
        "agent_view": ["agent_description": "Works on your repositories: mention it with what should be done."],
        "app_home": ["home_tab_enabled": false, "messages_tab_enabled": true, "messages_tab_read_only_enabled": false],
        "bot_user": ["display_name": .string(name.lowercased()), "always_online": true],
      ],
      "oauth_config": ["scopes": ["bot": .array(Self.scopes.map { .string($0.scope) })]],
      "settings": [
        "event_subscriptions": .object(subscriptions), "interactivity": .object(interactivity),
        "org_deploy_enabled": false, "socket_mode_enabled": .bool(transport == .socket), "token_rotation_enabled": false,
      ],
    ]
  }
}
