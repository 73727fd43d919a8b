import Foundation
import RookeryModel

/// A session's events as text for a terminal: a pure value, fed in order.
package struct EventRenderer: Sendable {
  private let palette: Palette
  /// Shows what agents write to their own logs, too.
  private let isVerbose: Bool
  /// What the last chunk belonged to; chunks of one stream are joined.
  private var flow = Flow.none
  private var isAtLineStart = true
  private var tools: ToolLines
  /// A script of the `command` agent writes its errors for people; other agents write their log there.
  private var isScript = false
  /// The end of the agent's log, which is shown when a turn fails.
  private var hiddenLog = ""

  private enum Flow: Equatable { case none, message, thought, output(OutputChunk.Stream) }

  private static let hiddenLogLimit = 16 << 10
  private static let shownLogLines = 10

  package init(palette: Palette, isVerbose: Bool = false) {
    self.palette = palette
    self.isVerbose = isVerbose
    tools = ToolLines(palette: palette)
  }

  /// The text that `event` adds; it may end within a line.
  package mutating func render(_ event: Event) -> String {
    switch event.payload {
    case .agentMessage(let chunk): return chunkText(chunk.text, .message)
    case .agentThought(let chunk): return chunkText(chunk.text, .thought)
    case .agentOutput(let chunk):
      guard isVerbose || isScript || chunk.stream == .stdout else {
        hiddenLog = String((hiddenLog + chunk.text).suffix(Self.hiddenLogLimit))
        return ""
      }
      return chunkText(chunk.text, .output(chunk.stream))
    case .toolCall(let body): return wholeLines(tools.lines(of: body))
    case .toolUpdate(let body): return wholeLines(tools.lines(of: body))
    default:
      let text = wholeLines(lines(of: event.payload))
      if !text.isEmpty { tools.interrupted() }
      return text
    }
  }

  /// Ends a line that a chunk left open.
  package mutating func finish() -> String { breakLine() }

  private mutating func wholeLines(_ lines: [String]) -> String {
    lines.isEmpty ? "" : breakLine() + lines.joined(separator: "\n") + "\n"
  }

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
    tools.interrupted()
    let prefix = flow == next ? "" : breakLine()
    flow = next
    isAtLineStart = text.hasSuffix("\n")
    switch next {
    case .none, .message: return prefix + text
    case .thought, .output:
      // Line by line: a line break inside colours paints the rest of the screen on some terminals.
      let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
      return prefix + lines.map { palette.paint(String($0), .dim) }.joined(separator: "\n")
    }
  }

  /// Whole lines; none for what is of no interest to a reader.
  private mutating func lines(of payload: EventPayload) -> [String] {
    switch payload {
    case .sessionCreated(let body):
      isScript = body.agent.rawValue == "command"
      return ["\(dot) session on \(bold(body.repository.rawValue)), branch \(bold(body.branch)), agent \(body.agent)"]
    case .promptQueued(let body): return promptLines(body)
    case .promptCancelled: return [note("a waiting prompt was cancelled")]
    case .turnStarted(let body):
      hiddenLog = ""
      return ["\(dot) turn started for \(clean(body.author.name))"]
    case .stepFinished(let body): return stepLines(body)
    case .agentStarted(let body):
      let version = body.version.map { " " + clean($0) } ?? ""
      return [note("agent \(clean(body.title))\(version)\(Self.note(on: body.conversation))")]
    case .plan(let body): return body.entries.map { "  \(Self.mark(ofPlan: $0.status)) \(clean($0.content))" }
    case .permissionAnswered(let body): return body.allowed ? [] : [warning("not allowed: \(clean(body.tool))")]
    case .notice(let body): return [body.level == .warning ? warning(clean(body.text)) : note(clean(body.text))]
    case .turnFinished(let body): return finishLines(body)
    case .unknown(let kind, _): return [note(clean(kind))]
    default: return resultLines(of: payload)
    }
  }

  private func resultLines(of payload: EventPayload) -> [String] {
    switch payload {
    case .sandboxReady(let body): [note("sandbox \(body.sandbox) from \(body.source.rawValue)")]
    case .sandboxAwaited(let body): [note("waiting for room: too little \(body.lacking.rawValue), \(body.ahead) before this one")]
    case .sandboxPaused: [note("sandbox paused")]
    case .sandboxResumed: [note("sandbox resumed")]
    case .limitWarning(let body): [warning("\(body.limit.rawValue) limit is near — \(clean(body.detail))")]
    case .networkRefused(let body): [refusal(body)]
    case .serviceChanged(let body): serviceLines(body)
    case .sandboxLost(let body): [warning("sandbox lost: \(clean(body.reason))")]
    case .limitHit(let body): [warning("limit hit: \(body.limit.rawValue) — \(clean(body.detail))")]
    case .commitCreated(let body): commitLines(body)
    case .branchPushed(let body): [success("pushed \(bold(clean(body.branch))) to \(clean(body.remote))")]
    case .workSaved(let body): [warning("unfinished work kept as \(clean(body.ref))")]
    case .pullRequestOpened(let body): [success("pull request #\(body.number) opened: \(clean(body.url))")]
    case .pullRequestUpdated(let body): [success("pull request #\(body.number) updated: \(clean(body.url))")]
    case .pullRequestMerged(let body): [success("pull request #\(body.number) merged: \(clean(body.url))")]
    case .pullRequestClosed(let body): [note("pull request #\(body.number) closed without a merge: \(clean(body.url))")]
    default: []
    }
  }

  private func promptLines(_ body: PromptQueued) -> [String] {
    PrintableText.clean(body.text).split(separator: "\n", omittingEmptySubsequences: false).enumerated().map { index, line in
      index == 0 ? "\(palette.paint("»", .magenta, .bold)) \(bold(clean(body.author.name))): \(line)" : "  \(line)"
    }
  }

  private func stepLines(_ body: StepFinished) -> [String] {
    // A pull request that nobody asked for is a step all the same; saying that it took no time says nothing.
    if body.step == .pullRequest, body.milliseconds < 10 { return [] }
    return [note("\(Self.name(of: body.step)) took \(Quantity.text(.milliseconds(body.milliseconds)))")]
  }

  private func refusal(_ body: NetworkRefused) -> String {
    let process = body.process.map { " for " + clean($0) } ?? ""
    let times = body.count > 1 ? ", \(body.count) times" : ""
    return warning("not allowed out\(process): \(clean(body.host)):\(body.port)\(times) — \(clean(body.reason))")
  }

  private func serviceLines(_ body: ServiceChanged) -> [String] {
    switch body.state {
    case .ready: [note("service \(clean(body.name)) is ready")]
    case .failed, .ended: [warning("service \(clean(body.name)) \(body.state.rawValue): \(clean(body.detail))")]
    }
  }

  private func commitLines(_ body: CommitCreated) -> [String] {
    let added = palette.paint("+\(body.additions)", .green)
    let removed = palette.paint("−\(body.deletions)", .red)
    return [
      success("commit \(palette.paint(String(clean(body.commit).prefix(12)), .yellow)) \(clean(body.subject))"),
      "  by \(clean(body.author.name)) <\(clean(body.author.email))>, \(body.files) file\(body.files == 1 ? "" : "s"), \(added) \(removed)",
    ]
  }

  private func finishLines(_ body: TurnFinished) -> [String] {
    let reason = body.stopReason.map { " (\(clean($0)))" } ?? ""
    switch body.result {
    case .completed: return [success("turn completed\(reason)")]
    case .interrupted: return [warning("turn interrupted\(reason)")]
    case .failed:
      var lines = PrintableText.clean(hiddenLog).split(separator: "\n").suffix(Self.shownLogLines).map { note(String($0)) }
      lines.append("\(palette.paint("✗ turn failed", .red, .bold))\(reason)")
      guard let error = body.error else { return lines }
      lines.append("  \(clean(error.message))")
      if !error.mend.isEmpty { lines.append("  \(palette.paint(clean(error.mend), .dim))") }
      return lines
    }
  }

  private var dot: String { palette.paint("●", .blue) }
  private func clean(_ text: String) -> String { PrintableText.clean(text, oneLine: true) }
  private func bold(_ text: String) -> String { palette.paint(text, .bold) }
  private func note(_ text: String) -> String { palette.paint("  \(text)", .dim) }
  private func warning(_ text: String) -> String { "\(palette.paint("!", .yellow, .bold)) \(text)" }
  private func success(_ text: String) -> String { "\(palette.paint("✓", .green)) \(text)" }

  private static func note(on conversation: AgentStarted.Conversation) -> String {
    switch conversation {
    case .new: ""
    case .resumed: ", conversation resumed"
    case .retold: ", told what was said before"
    }
  }

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
    case .snapshot: "snapshot"
    }
  }
}
