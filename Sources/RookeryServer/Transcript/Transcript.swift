import Foundation
import RookeryModel

/// A session's log as people read it: turns, and in each the blocks that its events make together. A value that events are folded into.
struct Transcript: Sendable {
  /// What events changed, to be shown again.
  enum Change: Sendable, Hashable {
    /// The whole turn is new.
    case turn(Int)
    /// The line of steps at its head.
    case steps(Int)
    /// A new block.
    case added(turn: Int, block: Int64)
    /// A block that was there before.
    case changed(turn: Int, block: Int64)
    /// How it ended.
    case end(Int)
  }

  private(set) var turns: [TranscriptTurn] = []
  /// Texts of prompts by id; a turn's start names only the id.
  private var prompts: [PromptID: String]
  /// Scripts of the `command` agent write their errors for people; coding agents keep their log there.
  private let isScript: Bool
  private var changes: [Change] = []
  /// The newest event that was folded in.
  private(set) var seq: Int64
  /// The first event of the newest turn: folding from here on gives the same newest turn.
  private(set) var turnStart: Int64

  /// A transcript of the session's events after `after`.
  init(of detail: API.SessionDetail, after: Int64) {
    prompts = detail.promptTexts
    isScript = detail.session.agent.rawValue == "command"
    seq = after
    turnStart = after + 1
  }

  /// The changes since the last call, each once.
  mutating func takeChanges() -> [Change] {
    defer { changes = [] }
    return changes
  }

  /// Forgets all turns but the newest.
  mutating func keepNewestTurn() { turns = turns.suffix(1) }

  mutating func apply(_ event: Event) {
    seq = event.seq
    switch event.payload {
    case .promptQueued(let body):
      // The event has the beginning of a long prompt only.
      if prompts[body.prompt] == nil { prompts[body.prompt] = body.text }
    case .turnStarted(let body): start(body, event)
    case .turnFinished(let body):
      edit(event) { turn in
        turn.finished = body
        turn.ended = event.time
      }
      note(.end(turns[turns.count - 1].number))
    case .stepFinished(let body):
      edit(event) { $0.steps.append(body) }
      note(.steps(turns[turns.count - 1].number))
    case .usage(let body):
      edit(event) { turn in
        turn.inputTokens += body.inputTokens
        turn.outputTokens += body.outputTokens
      }
      note(.end(turns[turns.count - 1].number))
    case .promptEdited(let body):
      prompts[body.prompt] = body.text
    case .promptSteered(let body):
      var change: TranscriptTurn.BlockChange?
      let text = prompts[body.prompt] ?? ""
      edit(event) { change = $0.steer(body.author, text, event) }
      if case .added(let id) = change { note(.added(turn: turns[turns.count - 1].number, block: id)) }
    case .sessionCreated, .promptCancelled, .promptMoved, .permissionRequested: break
    case .promptDeferred, .participantJoined, .participantLeft:
      // Before the first turn there is nothing to put them in.
      if !turns.isEmpty { fold(event) }
    default: fold(event)
    }
  }

  private mutating func start(_ body: TurnStarted, _ event: Event) {
    turnStart = event.seq
    turns.append(
      TranscriptTurn(
        number: event.turn ?? (turns.last?.number ?? 0) + 1, author: body.author, text: prompts[body.prompt] ?? "",
        isScript: isScript, started: event.time))
    note(.turn(turns[turns.count - 1].number))
  }

  /// Changes the turn that an event belongs to: the newest, made without a prompt when the log begins elsewhere.
  private mutating func edit(_ event: Event, _ change: (inout TranscriptTurn) -> Void) {
    if turns.isEmpty {
      turnStart = event.seq
      turns.append(TranscriptTurn(number: event.turn ?? 0, author: nil, text: "", isScript: isScript, started: event.time))
      note(.turn(turns[0].number))
    }
    change(&turns[turns.count - 1])
  }

  private mutating func fold(_ event: Event) {
    var change: TranscriptTurn.BlockChange?
    edit(event) { change = $0.fold(event) }
    let number = turns[turns.count - 1].number
    switch change {
    case .added(let id): note(.added(turn: number, block: id))
    case .changed(let id): note(.changed(turn: number, block: id))
    case nil: break
    }
  }

  /// A new turn or block is shown whole in the end, so what changes in it later needs no showing of its own.
  private mutating func note(_ change: Change) {
    switch change {
    case .turn: break
    case .steps(let turn), .end(let turn):
      if changes.contains(.turn(turn)) { return }
    case .added(let turn, _):
      if changes.contains(.turn(turn)) { return }
    case .changed(let turn, let block):
      if changes.contains(.turn(turn)) || changes.contains(.added(turn: turn, block: block)) { return }
    }
    if changes.last != change, !changes.contains(change) { changes.append(change) }
  }
}
