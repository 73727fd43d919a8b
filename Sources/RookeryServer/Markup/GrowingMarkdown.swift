/// Markdown that arrives in pieces. Text is cut into segments between blocks; only the last segment is rendered again when more
/// comes, and what is too long altogether is shown as it is.
struct GrowingMarkdown: Sendable {
  /// Bytes of a segment: bounds the time of one rendering, whatever the text (see `Markdown.render(segment:)`).
  static let segmentLimit = 16 << 10
  /// Bytes that are rendered as Markdown at all.
  static let totalLimit = 256 << 10

  private var settled: [HTML] = []
  private var tail = ""
  private var settledBytes = 0
  /// What follows after `totalLimit`, as plain text.
  private var overflow = ""

  init() {}

  mutating func append(_ text: String) {
    if !overflow.isEmpty || settledBytes >= Self.totalLimit {
      overflow += text
      return
    }
    tail += text
    while tail.utf8.count > Self.segmentLimit {
      let (segment, rest) = Self.cut(tail)
      settled += Markdown.render(segment: segment)
      settledBytes += segment.utf8.count
      tail = rest
      if settledBytes >= Self.totalLimit {
        overflow = tail
        tail = ""
      }
    }
  }

  /// One element for each top-level block.
  func blocks() -> [HTML] {
    settled + Markdown.render(segment: tail) + (overflow.isEmpty ? [] : [#"<pre class="plain">\#(overflow)</pre>"#])
  }

  /// Splits after the last blank line, outside of fenced code, within the limit; else after a line, closing and reopening the fence; else
  /// at the limit.
  private static func cut(_ text: String) -> (segment: String, rest: String) {
    var fence: Substring?
    var blank: String.Index?
    var line = text.startIndex
    var used = 0
    while let end = text.utf8[line...].firstIndex(of: UInt8(ascii: "\n")) {
      let next = text.utf8.index(after: end)
      used += text.utf8.distance(from: line, to: next)
      if used > segmentLimit { break }
      let content = text[line..<end].drop { $0 == " " }
      if content.hasPrefix("```") || content.hasPrefix("~~~") {
        fence = fence == nil ? content : content.prefix(3) == fence?.prefix(3) ? nil : fence
      }
      if fence == nil, content.isEmpty { blank = next }
      line = next
    }
    if let blank { return (String(text[..<blank]), String(text[blank...])) }
    let kept = text.utf8.distance(from: text.startIndex, to: line)
    if let fence, fence.utf8.count < 200, kept > 2 * fence.utf8.count + 2 {
      // The rest is shorter than the text by more than a line, so this ends.
      let mark = fence.prefix { $0 == fence.first }
      return ("\(text[..<line])\(mark)", "\(fence)\n\(text[line...])")
    }
    if line > text.startIndex { return (String(text[..<line]), String(text[line...])) }
    var limit = text.utf8.index(text.startIndex, offsetBy: segmentLimit)
    while text.utf8[limit] & 0xc0 == 0x80 { limit = text.utf8.index(before: limit) }
    return (String(text[..<limit]), String(text[limit...]))
  }
}
