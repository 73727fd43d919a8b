import Foundation
import RookeryModel

/// A session's events as text for a terminal: a pure value, fed in order.
package struct EventRenderer: Sendable {
  private let palette: Palette
  /// What the last chunk belonged to; chunks of one stream are joined.
  private var flow = Flow.none
  private var isAtLineStart = true
  private var tools: [String: ToolState] = [:]

  private enum Flow: Equatable { case none, message, thought, output(OutputChunk.Stream) }

  private struct ToolState {
    var title: String
    var isShown: Bool
  }

  package init(palette: Palette) { self.palette = palette }

  /// The text that `event` adds; it may end within a line.
  package mutating func render(_ event: Event) -> String {
    switch event.payload {
    case .agentMessage(let chunk): chunkText(chunk.text, .message)
    case .agentThought(let chunk): chunkText(chunk.text, .thought)
    case .agentOutput(let chunk): chunkText(chunk.text, .output(chunk.stream))
    default: lines(of: event.payload).map { breakLine() + $0.joined(separator: "\n") + "\n" } ?? ""
    }
  }

  /// Ends a line that a chunk left open.
  package mutating func finish() -> String { breakLine() }

  private mutating func breakLine() -> String {
    defer {
      flow = .none
      isAtLineStart = true
    }
    return isAtLineStart ? "" : "\n"
  }

  private mutating func chunkText(_ raw: String, _ next: Flow) -> String {
    let text = PrintableText.clean(raw)
    guard !text.isEmpty else { return "" }
    var prefix = ""
    if flow != next { prefix = breakLine() }
    flow = next
    isAtLineStart = text.hasSuffix("\n")
    switch next {
    case .none, .message: return prefix + text
    // Painted line by line: a line break inside colours would paint the rest of the screen on some terminals.
    case .thought, .output:
      return prefix
        + text.split(separator: "\n", omittingEmptySubsequences: false).map { palette.paint(String($0), .dim) }.joined(separator: "\n")
    }
  }

  /// Whole lines; nil for what is of no interest to a reader.
  private mutating func lines(of payload: EventPayload) -> [String]? {
    switch payload {
    case .sessionCreated(let body):
      ["\(dot(.blue)) session on \(bold(body.repository.rawValue)), branch \(bold(body.branch)), agent \(body.agent)"]
    case .promptQueued(let body): promptLines(body)
    case .promptCancelled: [note("a waiting prompt was cancelled")]
    case .turnStarted(let body): ["\(dot(.blue)) turn started for \(clean(body.author.name))"]
    case .stepFinished(let body): [note("\(Self.name(of: body.step)) took \(Quantity.text(seconds: Double(body.milliseconds) / 1000))")]
    case .sandboxReady(let body): [note("sandbox \(body.sandbox) from \(body.source.rawValue)")]
    case .sandboxLost(let body): [warning("sandbox lost: \(clean(body.reason))")]
    case .limitHit(let body): [warning("limit hit: \(body.limit.rawValue) — \(clean(body.detail))")]
    case .agentStarted(let body):
      [note("agent \(clean(body.title))\(body.version.map { " " + clean($0) } ?? "")\(body.resumed ? ", conversation resumed" : "")")]
    case .toolCall(let body): toolLines(body)
    case .toolUpdate(let body): toolLines(body)
    case .plan(let body): body.entries.map { "  \(Self.mark(ofPlan: $0.status)) \(clean($0.content))" }
    case .permissionAnswered(let body): body.allowed ? nil : [warning("not allowed: \(clean(body.tool))")]
    case .commitCreated(let body): commitLines(body)
    case .branchPushed(let body): [success("pushed \(bold(clean(body.branch))) to \(clean(body.remote))")]
    case .workSaved(let body): [warning("unfinished work kept as \(clean(body.ref))")]
    case .pullRequestOpened(let body): [success("pull request #\(body.number) opened: \(clean(body.url))")]
    case .pullRequestUpdated(let body): [success("pull request #\(body.number) updated: \(clean(body.url))")]
    case .turnFinished(let body): finishLines(body)
    case .notice(let body): [body.level == .warning ? warning(clean(body.text)) : note(clean(body.text))]
    case .unknown(let kind, _): [note(clean(kind))]
    case .agentMessage, .agentThought, .agentOutput, .usage, .artifactCreated, .snapshotTaken: nil
    }
  }

  private func promptLines(_ body: PromptQueued) -> [String] {
    PrintableText.clean(body.text).split(separator: "\n", omittingEmptySubsequences: false).enumerated().map { index, line in
      index == 0 ? "\(palette.paint("»", .magenta, .bold)) \(bold(clean(body.author.name))): \(line)" : "  \(line)"
    }
  }

  private mutating func toolLines(_ call: ToolCall) -> [String]? {
    tools[call.id] = ToolState(title: call.title, isShown: true)
    return ["  \(palette.paint("▸", .cyan)) \(clean(call.title))"] + details(call.content)
  }

  private mutating func toolLines(_ update: ToolUpdate) -> [String]? {
    var state = tools[update.id] ?? ToolState(title: update.title ?? "tool", isShown: false)
    if let title = update.title { state.title = title }
    tools[update.id] = state
    let shown = details(update.content ?? [])
    switch update.status {
    case "completed": return ["  \(palette.paint("✓", .green)) \(palette.paint(clean(state.title), .dim))"] + shown
    case "failed": return ["  \(palette.paint("✗", .red)) \(clean(state.title))"] + shown
    default: return shown.isEmpty ? nil : shown
    }
  }

  /// The files that a tool changed; what it printed stays folded here, as on the page.
  private func details(_ content: [ToolContent]) -> [String] {
    content.compactMap { if case .diff(let path, _, _) = $0 { "    \(palette.paint("±", .yellow)) \(clean(path))" } else { nil } }
  }

  private func commitLines(_ body: CommitCreated) -> [String] {
    let counts =
      "\(body.files) file\(body.files == 1 ? "" : "s"), \(palette.paint("+\(body.additions)", .green)) \(palette.paint("−\(body.deletions)", .red))"
    return [
      success("commit \(palette.paint(String(clean(body.commit).prefix(12)), .yellow)) \(clean(body.subject))"),
      "  by \(clean(body.author.name)) <\(clean(body.author.email))>, \(counts)",
    ]
  }

  private func finishLines(_ body: TurnFinished) -> [String] {
    let reason = body.stopReason.map { " (\(clean($0)))" } ?? ""
    switch body.result {
    case .completed: return [success("turn completed\(reason)")]
    case .interrupted: return [warning("turn interrupted\(reason)")]
    case .failed:
      var lines = ["\(palette.paint("✗ turn failed", .red, .bold))\(reason)"]
      if let error = body.error {
        lines.append("  \(clean(error.message))")
        if !error.mend.isEmpty { lines.append("  \(palette.paint(clean(error.mend), .dim))") }
      }
      return lines
    }
  }

  private func clean(_ text: String) -> String { PrintableText.clean(text, oneLine: true) }
  private func bold(_ text: String) -> String { palette.paint(text, .bold) }
  private func dot(_ colour: Palette.Colour) -> String { palette.paint("●", colour) }
  private func note(_ text: String) -> String { palette.paint("  \(text)", .dim) }
  private func warning(_ text: String) -> String { "\(palette.paint("!", .yellow, .bold)) \(text)" }
  private func success(_ text: String) -> String { "\(palette.paint("✓", .green)) \(text)" }

  private static func mark(ofPlan status: String) -> String {
    switch status {
    case "completed": "[x]"
    case "in_progress": "[>]"
    default: "[ ]"
    }
  }

  /// A step of a turn, in words.
  package static func name(of step: TurnStep) -> String {
    switch step {
    case .sandbox: "sandbox"
    case .checkout: "checkout"
    case .agent: "starting the agent"
    case .work: "the agent's work"
    case .commit: "commit"
    case .push: "push"
    case .pullRequest: "pull request"
    }
  }
}
