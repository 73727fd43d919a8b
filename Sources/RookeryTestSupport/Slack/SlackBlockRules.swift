import RookeryModel

/// Block Kit's limits.
enum SlackBlockRules {
  static func problems(_ blocks: [JSONValue]) -> [String] {
    var problems: [String] = []
    if blocks.count > 50 { problems.append("\(blocks.count) blocks") }
    var ids: Set<String> = []
    for block in blocks {
      if let id = block["block_id"]?.string {
        if id.utf16.count > 255 || id.isEmpty { problems.append("a block_id of \(id.utf16.count)") }
        if !ids.insert(id).inserted { problems.append("two blocks with the id \(id)") }
      }
      switch block["type"]?.string {
      case "section":
        let hasFields = !(block["fields"]?.array ?? []).isEmpty
        if let text = block["text"] {
          problems += self.text(text, limit: 3000)
        } else if !hasFields {
          problems.append("a section without text")
        }
        let fields = block["fields"]?.array ?? []
        if fields.count > 10 { problems.append("\(fields.count) fields") }
        for field in fields { problems += text(field, limit: 2000) }
        if let accessory = block["accessory"] { problems += element(accessory) }
      case "header":
        if block["text"]?["type"]?.string != "plain_text" { problems.append("a header that is not plain") }
        problems += text(block["text"] ?? .null, limit: 150)
      case "context":
        let elements = block["elements"]?.array ?? []
        if !(1...10).contains(elements.count) { problems.append("a context of \(elements.count)") }
        for element in elements where element["type"]?.string != "image" { problems += text(element, limit: 3000) }
      case "actions":
        let elements = block["elements"]?.array ?? []
        if !(1...25).contains(elements.count) { problems.append("\(elements.count) actions") }
        var actions: Set<String> = []
        for element in elements {
          problems += self.element(element)
          if !actions.insert(element["action_id"]?.string ?? "").inserted { problems.append("two actions of one id") }
        }
      case "divider": break
      case "image":
        if block["alt_text"]?.string?.isEmpty ?? true { problems.append("an image without alt_text") }
      default: problems.append("a block of type \(block["type"]?.string ?? "none")")
      }
    }
    return problems
  }

  private static func text(_ value: JSONValue, limit: Int) -> [String] {
    guard let type = value["type"]?.string, ["mrkdwn", "plain_text"].contains(type), let text = value["text"]?.string else {
      return ["a text that is none"]
    }
    var problems: [String] = []
    if text.isEmpty { problems.append("an empty text") }
    if text.utf16.count > limit { problems.append("a text of \(text.utf16.count), where \(limit) may be") }
    if ["<!channel", "<!here", "<!everyone"].contains(where: text.contains) { problems.append("a mention of everybody") }
    return problems
  }

  private static func element(_ value: JSONValue) -> [String] {
    var problems: [String] = []
    let id = value["action_id"]?.string ?? ""
    if id.isEmpty || id.utf16.count > 255 { problems.append("an action_id of \(id.utf16.count)") }
    switch value["type"]?.string {
    case "button":
      problems += text(value["text"] ?? .null, limit: 75)
      if value["text"]?["type"]?.string != "plain_text" { problems.append("a button that is not plain") }
      if (value["value"]?.string ?? "").utf16.count > 2000 { problems.append("a value that is too long") }
      if let url = value["url"]?.string, url.utf16.count > 3000 || !url.hasPrefix("http") {
        problems.append("the address \(url.prefix(80))")
      }
      if let style = value["style"]?.string, !["primary", "danger"].contains(style) { problems.append("the style \(style)") }
    case "static_select":
      let options = value["options"]?.array ?? []
      if !(1...100).contains(options.count) { problems.append("\(options.count) options") }
      for option in options {
        problems += text(option["text"] ?? .null, limit: 75)
        if !(1...150).contains((option["value"]?.string ?? "").utf16.count) { problems.append("an option's value") }
      }
      if let placeholder = value["placeholder"] { problems += text(placeholder, limit: 150) }
    default: problems.append("an element of type \(value["type"]?.string ?? "none")")
    }
    return problems
  }

  /// Characters of every text in a value.
  static func characters(_ value: JSONValue) -> Int {
    switch value {
    case .string(let text): text.utf16.count
    case .array(let values): values.reduce(0) { $0 + characters($1) }
    case .object(let members): members.reduce(0) { $0 + ($1.key == "text" || $1.value.string == nil ? characters($1.value) : 0) }
    default: 0
    }
  }
}
