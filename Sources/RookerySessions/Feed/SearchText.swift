import Foundation
import RookeryModel
import RookeryStore

/// Makes searchable documents of a session's events, in order: chunks that belong together become one, so that a word that came in
/// two pieces is found.
struct SearchText {
  /// A document grows to about this many bytes; what follows begins another.
  private static let limit = 32 << 10

  private var open: SearchDocument?
  private var last: Int64

  init(after place: Int64) { last = place }

  /// Every event up to this one is in a document that was returned.
  var place: Int64 { open.map { $0.seq - 1 } ?? last }

  /// The documents that are complete with this event.
  mutating func consume(_ event: Event) -> [SearchDocument] {
    last = event.seq
    guard let (text, continues) = Self.text(of: event.payload) else { return Self.separates(event.payload) ? close() : [] }
    if continues, var growing = open, growing.kind == event.payload.kind, growing.turn == event.turn,
      growing.text.utf8.count < Self.limit
    {
      growing.text += text
      open = growing
      return []
    }
    let closed = close()
    let document = SearchDocument(seq: event.seq, turn: event.turn, kind: event.payload.kind, time: event.time, text: text)
    guard continues else { return closed + [document] }
    open = document
    return closed
  }

  /// What is open is as complete as it gets for now.
  private mutating func close() -> [SearchDocument] {
    defer { open = nil }
    return open.map { [$0] } ?? []
  }

  /// Usage and the like may come in the middle of an answer.
  private static func separates(_ payload: EventPayload) -> Bool {
    switch payload {
    case .usage, .toolUpdate, .plan: false
    default: true
    }
  }

  private static func text(of payload: EventPayload) -> (String, continues: Bool)? {
    switch payload {
    case .promptQueued(let prompt): (prompt.text, false)
    case .agentMessage(let chunk), .agentThought(let chunk): (chunk.text, true)
    case .agentOutput(let chunk): (chunk.text, true)
    case .toolCall(let call): (call.title, false)
    case .commitCreated(let commit): (commit.subject, false)
    case .pullRequestOpened(let request), .pullRequestUpdated(let request): (request.title, false)
    case .artifactCreated(let artifact): (artifact.name, false)
    case .notice(let notice): (notice.text, false)
    case .turnFinished(let end): end.error.map { ($0.message, false) }
    default: nil
    }
  }
}
