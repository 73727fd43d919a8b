import Foundation
import RookeryModel

/// Something that stands by itself in a turn.
struct TranscriptBlock: Sendable {
  enum Content: Sendable {
    case message(GrowingMarkdown)
    case thought(GrowingMarkdown)
    case output(OutputBlock)
    case tool(ToolBlock)
    case plan(Plan)
    case diff(Artifact)
    case artifact(Artifact)
    /// What someone told the running turn.
    case steer(Author, String)
    /// An event that is one line: a commit, a push, a limit.
    case event(EventPayload)
  }

  /// The `seq` of its first event.
  let id: Int64
  let time: Date
  var content: Content
}

/// What a program printed, as pieces of bounded size: the oldest go when there are too many.
struct OutputBlock: Sendable {
  static let pieceLimit = 16 << 10
  static let pieces = 16

  struct Piece: Sendable {
    /// Dense from 0.
    let number: Int
    var text: String
  }

  let stream: OutputChunk.Stream
  /// An agent's own log, which few want to read.
  let isLog: Bool
  private(set) var pieces: [Piece] = []
  /// Bytes that are no longer kept.
  private(set) var dropped = 0
  private var terminal = TerminalText()

  init(stream: OutputChunk.Stream, isLog: Bool = false) {
    self.stream = stream
    self.isLog = isLog
  }

  mutating func append(_ chunk: String) {
    let text = terminal.feed(chunk)
    var rest = Substring(text)
    while !rest.isEmpty {
      if pieces.isEmpty || (pieces.last?.text.utf8.count ?? 0) >= Self.pieceLimit {
        pieces.append(Piece(number: (pieces.last?.number ?? -1) + 1, text: ""))
      }
      let last = pieces.count - 1
      let room = Self.pieceLimit - pieces[last].text.utf8.count
      let part = rest.prefix(room)
      pieces[last].text += part
      rest = rest.dropFirst(part.count)
      if pieces.count > Self.pieces { dropped += pieces.removeFirst().text.utf8.count }
    }
  }
}

/// A tool call with its updates merged in.
struct ToolBlock: Sendable {
  let id: String
  var title = ""
  var kind = "other"
  var status = "pending"
  var content: [ToolContent] = []
  var locations: [ToolLocation] = []
  var input: JSONValue?
  var output: JSONValue?

  init(id: String) { self.id = id }

  init(_ call: ToolCall) {
    id = call.id
    merge(call)
  }

  mutating func merge(_ call: ToolCall) {
    title = call.title
    kind = call.kind
    status = call.status
    content = call.content
    locations = call.locations
    input = call.input ?? input
  }

  mutating func merge(_ update: ToolUpdate) {
    title = update.title ?? title
    kind = update.kind ?? kind
    status = update.status ?? status
    content = update.content ?? content
    locations = update.locations ?? locations
    input = update.input ?? input
    output = update.output ?? output
  }
}
