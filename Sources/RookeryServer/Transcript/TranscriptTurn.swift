import Foundation
import RookeryModel

/// One turn of a transcript.
struct TranscriptTurn: Sendable {
  enum BlockChange: Sendable, Equatable { case added(Int64), changed(Int64) }

  let number: Int
  /// Nil where the transcript begins in the middle of a turn.
  let author: Author?
  let text: String
  private let isScript: Bool
  let started: Date
  var steps: [StepFinished] = []
  var blocks: [TranscriptBlock] = []
  var inputTokens = 0
  var outputTokens = 0
  var finished: TurnFinished?
  var ended: Date?

  /// Places of blocks that later events change.
  private var tools: [String: Int] = [:]
  private var plan: Int?
  private var log: Int?

  init(number: Int, author: Author?, text: String, isScript: Bool, started: Date) {
    self.isScript = isScript
    self.number = number
    self.author = author
    self.text = text
    self.started = started
  }

  func block(_ id: Int64) -> TranscriptBlock? { blocks.last { $0.id == id } }

  /// Folds an event into the blocks; says which one it touched.
  mutating func fold(_ event: Event) -> BlockChange? {
    switch event.payload {
    case .agentMessage(let chunk): return foldMessage(chunk, event)
    case .agentThought(let chunk): return foldThought(chunk, event)
    case .agentOutput(let chunk): return foldOutput(chunk, event)
    case .toolCall(let call):
      if let place = tools[call.id], case .tool(var tool) = blocks[place].content {
        tool.merge(call)
        return change(place, .tool(tool))
      }
      tools[call.id] = blocks.count
      return add(.tool(ToolBlock(call)), event)
    case .toolUpdate(let update):
      if let place = tools[update.id], case .tool(var tool) = blocks[place].content {
        tool.merge(update)
        return change(place, .tool(tool))
      }
      tools[update.id] = blocks.count
      var tool = ToolBlock(id: update.id)
      tool.merge(update)
      return add(.tool(tool), event)
    case .plan(let entries):
      if let plan { return change(plan, .plan(entries)) }
      plan = blocks.count
      return add(.plan(entries), event)
    case .artifactCreated(let artifact): return add(artifact.kind == .diff ? .diff(artifact) : .artifact(artifact), event)
    default: return add(.event(event.payload), event)
    }
  }

  private mutating func foldMessage(_ chunk: TextChunk, _ event: Event) -> BlockChange {
    if let last = blocks.indices.last, case .message(var text) = blocks[last].content {
      text.append(chunk.text)
      return change(last, .message(text))
    }
    var text = GrowingMarkdown()
    text.append(chunk.text)
    return add(.message(text), event)
  }

  private mutating func foldThought(_ chunk: TextChunk, _ event: Event) -> BlockChange {
    if let last = blocks.indices.last, case .thought(var text) = blocks[last].content {
      text.append(chunk.text)
      return change(last, .thought(text))
    }
    var text = GrowingMarkdown()
    text.append(chunk.text)
    return add(.thought(text), event)
  }

  private mutating func foldOutput(_ chunk: OutputChunk, _ event: Event) -> BlockChange {
    let isLog = !isScript && chunk.stream == .stderr
    if isLog, let log, case .output(var output) = blocks[log].content {
      output.append(chunk.text)
      return change(log, .output(output))
    }
    if isLog { log = blocks.count }
    if let last = blocks.indices.last, case .output(var output) = blocks[last].content, output.stream == chunk.stream {
      output.append(chunk.text)
      return change(last, .output(output))
    }
    var output = OutputBlock(stream: chunk.stream, isLog: isLog)
    output.append(chunk.text)
    return add(.output(output), event)
  }

  mutating func steer(_ author: Author, _ text: String, _ event: Event) -> BlockChange { add(.steer(author, text), event) }

  private mutating func add(_ content: TranscriptBlock.Content, _ event: Event) -> BlockChange {
    blocks.append(TranscriptBlock(id: event.seq, time: event.time, content: content))
    return .added(event.seq)
  }

  private mutating func change(_ place: Int, _ content: TranscriptBlock.Content) -> BlockChange {
    blocks[place].content = content
    return .changed(blocks[place].id)
  }
}
