import RookeryModel

/// Block Kit, cut to what Slack takes.
package enum Block {
  /// Slack's dialect, escaped already.
  package static func section(_ mrkdwn: String, accessory: JSONValue? = nil) -> JSONValue {
    var block: [String: JSONValue] = ["type": "section", "text": text(mrkdwn, limit: SlackLimits.sectionText)]
    if let accessory { block["accessory"] = accessory }
    return .object(block)
  }

  package static func header(_ plain: String) -> JSONValue {
    ["type": "header", "text": ["type": "plain_text", "text": .string(SlackText.clip(plain, to: SlackLimits.headerText)), "emoji": true]]
  }

  package static func context(_ lines: [String]) -> JSONValue {
    ["type": "context", "elements": .array(lines.prefix(SlackLimits.contextElements).map { text($0, limit: SlackLimits.sectionText) })]
  }

  package static func actions(_ id: String, _ elements: [JSONValue]) -> JSONValue {
    [
      "type": "actions", "block_id": .string(String(id.prefix(SlackLimits.blockID))),
      "elements": .array(Array(elements.prefix(SlackLimits.actions))),
    ]
  }

  package static var divider: JSONValue { ["type": "divider"] }

  package enum Style: String, Sendable { case primary, danger }

  package static func button(
    _ label: String, action: String, value: String, url: String? = nil, style: Style? = nil, confirm: String? = nil
  ) -> JSONValue {
    var button: [String: JSONValue] = [
      "type": "button", "action_id": .string(String(action.prefix(SlackLimits.actionID))),
      "text": ["type": "plain_text", "text": .string(SlackText.clip(label, to: SlackLimits.buttonText)), "emoji": true],
      "value": .string(String(value.prefix(SlackLimits.value))),
    ]
    if let url, url.utf16.count <= SlackLimits.url { button["url"] = .string(url) }
    if let style { button["style"] = .string(style.rawValue) }
    if let confirm {
      button["confirm"] = [
        "title": ["type": "plain_text", "text": "Are you sure?"],
        "text": ["type": "plain_text", "text": .string(SlackText.clip(confirm, to: 300))],
        "confirm": ["type": "plain_text", "text": "Yes"], "deny": ["type": "plain_text", "text": "No"],
      ]
    }
    return .object(button)
  }

  /// Within what Slack takes of all blocks together: the last texts go first, buttons never.
  package static func fitting(_ blocks: [JSONValue]) -> [JSONValue] {
    var kept = Array(blocks.prefix(SlackLimits.blocks))
    while kept.reduce(0, { $0 + length($1) }) > SlackLimits.allBlocks,
      let index = kept.lastIndex(where: { $0["type"]?.string != "actions" })
    {
      kept.remove(at: index)
    }
    return kept
  }

  /// Characters of every text in a value.
  private static func length(_ value: JSONValue) -> Int {
    switch value {
    case .string(let text): text.utf16.count
    case .array(let values): values.reduce(0) { $0 + length($1) }
    case .object(let members): members.values.reduce(0) { $0 + length($1) }
    default: 0
    }
  }

  /// A menu of at most a hundred options.
  package static func select(_ placeholder: String, action: String, options: [(label: String, value: String)]) -> JSONValue {
    [
      "type": "static_select", "action_id": .string(action),
      "placeholder": ["type": "plain_text", "text": .string(SlackText.clip(placeholder, to: 150))],
      "options": .array(
        options.prefix(SlackLimits.options).map { option in
          [
            "text": ["type": "plain_text", "text": .string(SlackText.clip(option.label, to: SlackLimits.optionText))],
            "value": .string(String(option.value.prefix(SlackLimits.optionText * 2))),
          ]
        }),
    ]
  }

  private static func text(_ mrkdwn: String, limit: Int) -> JSONValue {
    ["type": "mrkdwn", "text": .string(mrkdwn.utf16.count > limit ? SlackText.clip(mrkdwn, to: limit * 9 / 10) : mrkdwn)]
  }
}
