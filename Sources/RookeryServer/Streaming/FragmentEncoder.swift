import Foundation
import NIOCore
import RookeryModel
import RookerySessions

/// The page's stream: events folded into the transcript, and what that changes on the page.
struct FragmentEncoder: EventStreamEncoder {
  private let page: SessionPage
  private let session: SessionID
  private let generation: Int
  private var transcript: Transcript
  private var sent = SentBlocks()

  /// A stream for a page that shows everything up to `after`. The newest turn as of there is rebuilt from the events after `from - 1`.
  init(page: SessionPage, session: SessionID, after: Int64, from: Int64) async throws {
    self.page = page
    self.session = session
    let detail = try await page.sessions.detail(session)
    generation = detail.session.generation
    transcript = Transcript(of: detail, after: min(max(0, from - 1), after))
    try await page.fold(session, into: &transcript, through: after)
    _ = transcript.takeChanges()
    transcript.keepNewestTurn()
    for block in transcript.turns.last?.blocks.suffix(1) ?? [] { sent.remember(block) }
  }

  /// The state, the queue and the buttons may have changed while nobody listened.
  func opening() async throws -> ByteBuffer {
    let detail = try await page.sessions.detail(session)
    return try message(page.statusFragments(detail)).frame()
  }

  mutating func frames(for events: [EncodedEvent]) async throws -> ByteBuffer? {
    for event in events { transcript.apply(try JSON.decode(Event.self, from: event.json)) }
    var fragments = try await transcriptFragments()
    if events.contains(where: { SessionPage.changesStatus($0.kind) }) {
      fragments += page.statusFragments(try await page.sessions.detail(session))
    }
    transcript.keepNewestTurn()
    return try message(fragments).frame()
  }

  /// The page shows nothing of them.
  func frames(for signals: [SessionSignal]) -> ByteBuffer? { nil }

  private func message(_ fragments: [Fragment]) -> FragmentMessage {
    FragmentMessage(after: transcript.seq, from: transcript.turnStart, generation: generation, fragments: fragments)
  }

  private mutating func transcriptFragments() async throws -> [Fragment] {
    let changes = transcript.takeChanges()
    guard !changes.isEmpty else { return [] }
    let touched = changes.compactMap { change -> TranscriptTurn? in transcript.turns.last { $0.number == change.turn } }
    let view = TranscriptView(session: session, diffs: try await page.diffs(session, in: touched))
    var fragments = [Fragment(.remove, "empty")]
    for change in changes {
      guard let turn = transcript.turns.last(where: { $0.number == change.turn }) else { continue }
      switch change {
      case .turn:
        fragments.append(Fragment(.append, "transcript", view.turn(turn)))
        if let last = turn.blocks.last { sent.remember(last) }
      case .steps: fragments.append(Fragment(.replace, "t\(turn.number)-steps", view.steps(turn)))
      case .end: fragments.append(Fragment(.replace, "t\(turn.number)-end", view.end(turn)))
      case .added(_, let id):
        guard let block = turn.block(id) else { continue }
        fragments.append(Fragment(.append, "t\(turn.number)-blocks", view.block(block)))
        sent.remember(block)
      case .changed(_, let id):
        guard let block = turn.block(id) else { continue }
        fragments += sent.growth(of: block, view: view)
      }
    }
    return fragments
  }
}

extension Transcript.Change {
  var turn: Int {
    switch self {
    case .turn(let turn), .steps(let turn), .end(let turn), .added(let turn, _), .changed(let turn, _): turn
    }
  }
}

/// What the client has of the blocks that grow, so that only the rest is sent.
struct SentBlocks: Sendable {
  private enum Sent: Sendable {
    case markdown([HTML])
    case output(piece: Int, bytes: Int, dropped: Int, first: Int)
  }

  private var blocks: [Int64: Sent] = [:]

  /// The client has this block as it is now. Only the newest of them grows, so the others are forgotten.
  mutating func remember(_ block: TranscriptBlock) {
    blocks.removeAll(keepingCapacity: true)
    blocks[block.id] = Self.sent(block)
  }

  private static func sent(_ block: TranscriptBlock) -> Sent? {
    switch block.content {
    case .message(let text), .thought(let text): return .markdown(text.blocks())
    case .output(let output):
      return .output(
        piece: output.pieces.last?.number ?? -1, bytes: output.pieces.last?.text.utf8.count ?? 0, dropped: output.dropped,
        first: output.pieces.first?.number ?? 0)
    default: return nil
    }
  }

  mutating func growth(of block: TranscriptBlock, view: TranscriptView) -> [Fragment] {
    let before = blocks[block.id]
    switch (block.content, before) {
    case (.message(let text), .markdown(let old)):
      remember(block)
      return Self.growth(from: old, to: text.blocks(), target: "b\(block.id)")
    case (.thought(let text), .markdown(let old)):
      remember(block)
      return Self.growth(from: old, to: text.blocks(), target: "b\(block.id)-c")
    case (.output(let output), .output(let piece, let bytes, let dropped, let first)):
      remember(block)
      return Self.growth(of: output, id: block.id, piece: piece, bytes: bytes, dropped: dropped, first: first)
    default:
      if Self.sent(block) != nil { remember(block) }
      return [Fragment(.replace, "b\(block.id)", view.block(block))]
    }
  }

  private static func growth(from old: [HTML], to new: [HTML], target: String) -> [Fragment] {
    var keep = 0
    while keep < old.count, keep < new.count, old[keep] == new[keep] { keep += 1 }
    if keep == old.count, keep == new.count { return [] }
    return [Fragment(.tail, target, Array(new[keep...]).joined(), keep: keep)]
  }

  private static func growth(of output: OutputBlock, id: Int64, piece: Int, bytes: Int, dropped: Int, first: Int) -> [Fragment] {
    var fragments: [Fragment] = []
    for next in output.pieces where next.number >= piece {
      if next.number == piece {
        let grown = String(decoding: next.text.utf8.dropFirst(bytes), as: UTF8.self)
        if !grown.isEmpty { fragments.append(Fragment(.append, "b\(id)-p\(piece)", HTML(escaping: grown))) }
      } else {
        fragments.append(Fragment(.append, "b\(id)-c", OutputView.piece(next, id: id)))
      }
    }
    if output.dropped != dropped {
      let gone = first..<max(first, min(output.pieces.first?.number ?? first, piece + 1))
      fragments += gone.map { Fragment(.remove, "b\(id)-p\($0)") }
      fragments.append(Fragment(.replace, "b\(id)-d", OutputView.dropped(output, id: id)))
    }
    return fragments
  }
}
