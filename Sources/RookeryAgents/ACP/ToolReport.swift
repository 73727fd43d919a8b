import RookeryModel

/// A `tool_call` or `tool_call_update`, read leniently and cut to what an event may hold.
struct ToolReport {
  var id: String
  var title: String?
  var kind: String?
  var status: String?
  var content: [ToolContent]?
  var locations: [ToolLocation]?
  var input: JSONValue?
  var output: JSONValue?

  /// Nil without an id: nothing could refer to it.
  init?(_ value: JSONValue) {
    guard let id = value["toolCallId"]?.string ?? value["toolCallId"]?.integer.map({ String($0) }) else { return nil }
    self.id = EventBounds.line(id, to: 512)
    title = value["title"]?.string.map { EventBounds.line($0) }
    kind = value["kind"]?.string.map { EventBounds.line($0, to: 64) }
    status = value["status"]?.string.map { EventBounds.line($0, to: 64) }
    var left = EventBounds.text
    input = Self.cut(value["rawInput"], left: &left)
    output = Self.cut(value["rawOutput"], left: &left)
    content = Self.content(value["content"], left: &left)
    locations = value["locations"]?.array.map { locations in
      locations.prefix(32).compactMap { location in
        guard let path = location["path"]?.string ?? location.string else { return nil }
        return ToolLocation(path: EventBounds.line(path), line: location["line"]?.integer.flatMap { Int(exactly: $0) })
      }
    }
  }

  var call: ToolCall {
    ToolCall(
      id: id, title: title ?? kind ?? "tool", kind: kind ?? "other", status: status ?? "pending", content: content ?? [],
      locations: locations ?? [], input: input)
  }

  var update: ToolUpdate {
    ToolUpdate(
      id: id, title: title, kind: kind, status: status, content: content, locations: locations, output: output, input: input)
  }

  private static func cut(_ value: JSONValue?, left: inout Int) -> JSONValue? {
    guard let value, value != .null else { return nil }
    let short = EventBounds.cut(value, to: min(EventBounds.value, left))
    left -= min(EventBounds.value, EventBounds.size(of: short))
    return short
  }

  private static func content(_ value: JSONValue?, left: inout Int) -> [ToolContent]? {
    guard let value, value != .null else { return nil }
    let items = value.array ?? [value]
    var kept: [ToolContent] = []
    for (index, item) in items.enumerated() {
      guard left > 0 else {
        kept.append(.text("… \(items.count - index) more left out"))
        break
      }
      if item["type"]?.string == "diff" {
        let old = item["oldText"]?.string.map { cut($0, left: &left) }
        let new = cut(item["newText"]?.string ?? "", left: &left)
        kept.append(.diff(path: EventBounds.line(item["path"]?.string ?? ""), old: old, new: new))
      } else {
        // Most wrap a content block; some send the block itself. A terminal is the client's to show, and we offer none.
        let text = text(of: item["content"] ?? item)
        if !text.isEmpty { kept.append(.text(cut(text, left: &left))) }
      }
      left -= 64
    }
    return kept
  }

  private static func cut(_ text: String, left: inout Int) -> String {
    let short = EventBounds.cut(text, to: max(2, min(EventBounds.value, left)))
    left -= EventBounds.size(short)
    return short
  }

  /// The text of a content block, of several, or of a plain text; other media are named, not shown.
  static func text(of content: JSONValue?) -> String {
    switch content {
    case .string(let text): return text
    case .array(let blocks): return blocks.map { text(of: $0) }.joined()
    case .object(let block):
      if let text = block["text"]?.string { return text }
      switch block["type"]?.string {
      case "image", "audio":
        return
          "[\(block["mimeType"]?.string ?? block["type"]?.string ?? "media"), \(block["data"]?.string?.utf8.count ?? 0) bytes of base64 left out]"
      case "resource_link": return "[\(block["name"]?.string ?? "resource")](\(block["uri"]?.string ?? ""))"
      case "resource": return block["resource"]?["text"]?.string ?? "[\(block["resource"]?["uri"]?.string ?? "resource")]"
      default: return ""
      }
    default: return ""
    }
  }
}
