import Crypto
import Foundation
import RookeryModel
import Synchronization

/// What people do in the workspace. Each returns when the workspace has it; its event is delivered on its own.
extension SlackDouble {
  /// Somebody writes; the message's `ts`. A text that mentions us makes two events, as in Slack. `isDelivered` false: no event is sent.
  @discardableResult
  package func write(
    _ text: String, as person: String, in channel: String, thread: String? = nil, isDirect: Bool = false, isDelivered: Bool = true,
    bot: String? = nil
  ) async -> String {
    let ts = model.nextTimestamp()
    let message = Message(channel: channel, ts: ts, thread: thread, user: person, text: text)
    model.state.withLock { $0.messages.append(message) }
    guard isDelivered else { return ts }
    for event in events(of: message, isDirect: isDirect, bot: bot) { await deliver(event) }
    return ts
  }

  /// The events of a message that is there already.
  package func events(of message: Message, isDirect: Bool = false, bot: String? = nil) -> [JSONValue] {
    var event: [String: JSONValue] = [
      "type": "message", "channel": .string(message.channel), "ts": .string(message.ts), "user": .string(message.user),
      "text": .string(message.text), "channel_type": isDirect ? "im" : "channel", "event_ts": .string(message.ts),
      "team": .string(Self.team),
    ]
    if let thread = message.thread { event["thread_ts"] = .string(thread) }
    if let bot { event["bot_id"] = .string(bot) }
    var all = [envelope(event)]
    if message.text.contains("<@\(Self.bot)>"), !isDirect {
      event["type"] = "app_mention"
      event["channel_type"] = nil
      all.append(envelope(event))
    }
    return all
  }

  package func message(channel: String, ts: String) -> Message? {
    model.state.withLock { state in state.messages.first { $0.channel == channel && $0.ts == ts } }
  }

  /// Somebody changes a message.
  package func edit(channel: String, ts: String, to text: String) async {
    let (old, new) = model.state.withLock { state -> (Message?, Message?) in
      guard let index = state.messages.firstIndex(where: { $0.channel == channel && $0.ts == ts }) else { return (nil, nil) }
      let old = state.messages[index]
      state.messages[index].text = text
      return (old, state.messages[index])
    }
    guard let old, let new else { return }
    func inner(_ message: Message) -> JSONValue {
      var value: [String: JSONValue] = [
        "type": "message", "user": .string(message.user), "text": .string(message.text), "ts": .string(ts), "team": .string(Self.team),
        "edited": ["user": .string(message.user), "ts": .string(model.nextTimestamp())],
      ]
      if let thread = message.thread { value["thread_ts"] = .string(thread) }
      return .object(value)
    }
    await deliver(
      envelope([
        "type": "message", "subtype": "message_changed", "channel": .string(channel), "channel_type": "channel",
        "message": inner(new), "previous_message": inner(old), "event_ts": .string(model.nextTimestamp()),
      ]))
  }

  /// Somebody presses a button or chooses from a menu of ours. Throws when the message has none of that name.
  package func press(_ action: String, value: String? = nil, as person: String, on message: Message) async throws {
    let elements = message.blocks.flatMap { $0["elements"]?.array ?? [] }
    let found = elements.first {
      $0["action_id"]?.string == action && (value == nil || $0["value"]?.string == value || $0["options"] != nil)
    }
    guard let element = found else { throw Command.Failed(description: "no \(action) in \(message.everything)") }
    var pressed: [String: JSONValue] = [
      "action_id": .string(action), "type": element["type"] ?? nil, "action_ts": .string(model.nextTimestamp()), "block_id": "b",
    ]
    if element["options"] != nil {
      pressed["selected_option"] = ["value": value.map { .string($0) } ?? nil]
    } else {
      pressed["value"] = element["value"] ?? nil
    }
    var shown: [String: JSONValue] = ["ts": .string(message.ts), "user": .string(Self.bot)]
    if let thread = message.thread { shown["thread_ts"] = .string(thread) }
    await deliver(
      [
        "type": "block_actions", "team": ["id": .string(Self.team)], "user": ["id": .string(person), "team_id": .string(Self.team)],
        "trigger_id": .string("trigger-\(UUID().uuidString)"), "channel": ["id": .string(message.channel)],
        "container": ["type": "message", "message_ts": .string(message.ts), "channel_id": .string(message.channel)],
        "message": .object(shown), "actions": [.object(pressed)],
      ], kind: "interactive")
  }

  /// Somebody presses the native stop button.
  package func stopNatively(channel: String, thread: String, as person: String) async {
    await deliver(
      envelope([
        "type": "agent_session_stopped", "channel": .string(channel), "thread_ts": .string(thread), "user": .string(person),
        "streaming_message_ts": [], "event_ts": .string(model.nextTimestamp()),
      ]))
  }

  package func envelope(_ event: [String: JSONValue]) -> JSONValue {
    [
      "type": "event_callback", "team_id": .string(Self.team), "api_app_id": "A0TEST",
      "event_id": .string("Ev\(UUID().uuidString.filter { $0 != "-" })"), "event_time": .integer(Int64(Date().timeIntervalSince1970)),
      "event": .object(event),
    ]
  }

  /// Hands a payload to a socket; without one it waits until there is.
  package func deliver(_ payload: JSONValue, kind: String = "events_api") async { await sockets.deliver(kind: kind, payload: payload) }

  // MARK: Sockets

  /// Sends `disconnect` with `reason` to each open socket and closes it a moment later.
  package func refresh(_ reason: String = "refresh_requested") async { await sockets.refresh(reason) }

  /// Breaks every connection without a word.
  package func dropSockets() async { await sockets.drop() }

  package func socketCount() async -> Int { await sockets.count }
  /// The most sockets that were open at once, and how many were opened.
  package func socketHistory() async -> (most: Int, opened: Int) { await (sockets.most, sockets.opened) }

  /// Envelopes that were never acknowledged so far.
  package func unacknowledged() async -> Int { await sockets.waiting }

  // MARK: HTTP

  /// The headers of a request of Slack's with this body.
  package static func signature(_ body: Data, timestamp: Int = Int(Date().timeIntervalSince1970), secret: String = signingSecret)
    -> [String: String]
  {
    let key = SymmetricKey(data: Data(secret.utf8))
    let code = HMAC<SHA256>.authenticationCode(for: Data("v0:\(timestamp):".utf8) + body, using: key)
    let hex = code.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    return ["X-Slack-Request-Timestamp": String(timestamp), "X-Slack-Signature": "v0=\(hex)"]
  }
}
