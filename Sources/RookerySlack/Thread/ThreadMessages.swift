import Foundation
import RookeryModel

/// The messages that a thread should hold for a view of its session, each under a key that never changes: posted once, then edited.
struct ThreadMessages: Sendable {
  struct Message: Sendable, Equatable {
    var key: String
    var content: SlackContent
  }

  /// A text that is too long for a message: shared as a file.
  struct Snippet: Sendable, Equatable {
    var key: String
    var name: String
    var title: String
    var text: String
  }

  let session: SessionID
  /// The session's page.
  let link: String

  /// Steps in one progress message; more go on in the next.
  private static let stepsPerMessage = 20
  /// Characters of an answer that stand in the thread.
  private static let answerLimit = 8000

  /// The first answer to a request, before anything has happened.
  func starting(_ repository: RepositoryName) -> SlackContent {
    let text = "Starting work in `\(repository)`…"
    return SlackContent(text: text, blocks: [Block.section("\(text)  <\(SlackText.escape(link))|Open the session>")])
  }

  func messages(_ view: ThreadView) -> [Message] { view.turns.flatMap { progress($0) + result($0, view) } }

  // MARK: Progress

  private func progress(_ turn: ThreadView.Turn) -> [Message] {
    let chunks = stride(from: 0, to: max(1, turn.steps.count), by: Self.stepsPerMessage).map { start in
      Array(turn.steps[start..<min(turn.steps.count, start + Self.stepsPerMessage)])
    }
    return chunks.enumerated().map { index, steps in
      let isLast = index == chunks.count - 1
      return Message(
        key: "t\(turn.number).progress.\(index + 1)",
        content: progress(turn, steps, part: index + 1, isCurrent: isLast && turn.finished == nil, isLast: isLast))
    }
  }

  private func progress(
    _ turn: ThreadView.Turn, _ steps: [ThreadView.Step], part: Int, isCurrent: Bool, isLast: Bool
  ) -> SlackContent {
    let current = steps.last { $0.status == "in_progress" || $0.status == "pending" }?.title ?? (steps.isEmpty ? turn.phase : "Thinking")
    let headline = isCurrent ? "Working: \(current)" : isLast ? "Worked for \(turn.author.name)" : "Worked (part \(part))"
    var blocks = [Block.section((isCurrent ? ":hourglass_flowing_sand: " : "") + "*\(SlackText.escape(headline))*")]
    if isLast, !turn.plan.isEmpty {
      let lines = turn.plan.prefix(25).map { entry in
        let mark = entry.status == "completed" ? "☑" : entry.status == "in_progress" ? "◐" : "☐"
        return "\(mark) \(SlackText.escape(SlackText.clip(entry.content.replacing("\n", with: " "), to: 100)))"
      }
      blocks.append(Block.section(lines.joined(separator: "\n")))
    }
    if !steps.isEmpty {
      let lines = steps.map { step in
        let mark = step.status == "completed" ? "✓" : step.status == "failed" ? "✗" : isCurrent ? "…" : "·"
        return "\(mark) \(SlackText.escape(step.title))"
      }
      blocks.append(Block.section(lines.joined(separator: "\n")))
    }
    if isLast, !turn.files.isEmpty {
      let names = turn.files.prefix(8).map { "`\(SlackText.escape(SlackText.clip($0.replacing("`", with: "'"), to: 80)))`" }
      let more = turn.files.count > 8 ? " and \(turn.files.count - 8) more" : ""
      blocks.append(Block.context(["Files: \(names.joined(separator: " "))\(more)"]))
    }
    if isCurrent {
      blocks.append(
        Block.actions(
          "progress", [openButton, Block.button("Stop", action: SlackAction.stop.rawValue, value: session.rawValue, style: .danger)]))
    }
    return SlackContent(text: headline, blocks: Block.fitting(blocks))
  }

  private var openButton: JSONValue {
    Block.button("Open session", action: SlackAction.open.rawValue, value: session.rawValue, url: link)
  }

  // MARK: Result

  private func result(_ turn: ThreadView.Turn, _ view: ThreadView) -> [Message] {
    guard let finished = turn.finished else { return [] }
    var blocks: [JSONValue] = []
    let headline =
      switch finished.result {
      case .completed: "Done."
      case .failed: "This failed."
      case .interrupted: "Stopped."
      }
    if let error = finished.error, finished.result != .completed {
      let text = [error.message, error.mend].filter { !$0.isEmpty }.joined(separator: "\n")
      blocks.append(Block.section(":x: *\(headline)*\n\(SlackText.escape(SlackText.clip(text, to: 2000)))"))
    } else if finished.result == .interrupted {
      blocks.append(Block.section(":octagonal_sign: *\(headline)* What was done is kept."))
    }
    let (sections, isCut) = summary(turn)
    blocks += sections.map { Block.section($0) }
    if sections.isEmpty, finished.result == .completed { blocks.append(Block.section("*\(headline)*")) }
    if isCut { blocks.append(Block.context(["The whole answer is in the file below and in <\(SlackText.escape(link))|the session>."])) }
    blocks += statistics(turn, view)
    for notice in turn.notices.prefix(5) {
      blocks.append(Block.context([":warning: \(SlackText.escape(SlackText.clip(notice, to: 500)))"]))
    }
    blocks.append(Block.actions("result.\(turn.number)", buttons(turn, view)))
    let first = turn.closing.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
    return [
      Message(
        key: "t\(turn.number).result",
        content: SlackContent(text: SlackText.escape(SlackText.clip("\(headline) \(first)", to: 500)), blocks: Block.fitting(blocks)))
    ]
  }

  /// The agent's closing words, and whether some of them had to go.
  private func summary(_ turn: ThreadView.Turn) -> (sections: [String], isCut: Bool) {
    let pieces = TextPieces.split(Mrkdwn.blocks(turn.closing), limit: SlackLimits.sectionText)
    var kept: [String] = []
    var length = 0
    for piece in pieces {
      length += SlackText.length(piece)
      guard length <= Self.answerLimit else { return (kept, true) }
      kept.append(piece)
    }
    return (kept, false)
  }

  private func statistics(_ turn: ThreadView.Turn, _ view: ThreadView) -> [JSONValue] {
    var lines: [String] = []
    if !turn.commits.isEmpty {
      let files = turn.commits.reduce(0) { $0 + $1.files }
      let (added, removed) = turn.commits.reduce((0, 0)) { ($0.0 + $1.additions, $0.1 + $1.deletions) }
      let commit = turn.commits.last?.commit.prefix(7) ?? ""
      lines.append("\(files) \(files == 1 ? "file" : "files"), +\(added) −\(removed), commit `\(commit)`")
    }
    if let branch = turn.branch { lines.append("branch `\(SlackText.escape(branch))`") }
    if let pull = turn.pullRequest ?? view.pullRequest {
      lines.append(
        "pull request <\(SlackText.escape(pull.url))|#\(pull.number) \(linkText(pull.title))> by \(SlackText.escape(pull.author))")
    }
    if turn.finished?.result == .completed, turn.commits.isEmpty { lines.append("no changes") }
    return lines.isEmpty ? [] : [Block.context(lines)]
  }

  private func linkText(_ text: String) -> String {
    SlackText.escape(SlackText.clip(text.replacing("|", with: "¦").replacing("\n", with: " "), to: 120))
  }

  private func buttons(_ turn: ThreadView.Turn, _ view: ThreadView) -> [JSONValue] {
    let value = "\(session.rawValue) \(turn.number)"
    var buttons = [openButton]
    if let pull = turn.pullRequest ?? view.pullRequest {
      buttons.append(Block.button("View PR", action: SlackAction.openPullRequest.rawValue, value: value, url: pull.url))
    } else if turn.branch != nil {
      buttons.append(Block.button("Make PR", action: SlackAction.makePullRequest.rawValue, value: value, style: .primary))
    }
    if turn.finished?.result != .completed {
      buttons.append(Block.button("Retry", action: SlackAction.retry.rawValue, value: value))
    }
    buttons.append(Block.button("👍", action: SlackAction.good.rawValue, value: value))
    buttons.append(Block.button("👎", action: SlackAction.bad.rawValue, value: value))
    return buttons
  }

  /// Answers that were cut, whole.
  func snippets(_ view: ThreadView) -> [Snippet] {
    view.turns.compactMap { turn in
      guard turn.finished != nil, summary(turn).isCut else { return nil }
      return Snippet(
        key: "t\(turn.number).answer", name: "answer-\(turn.number).md", title: "Answer to request \(turn.number)", text: turn.closing)
    }
  }
}

/// What buttons and menus of ours do.
enum SlackAction: String, Sendable, CaseIterable {
  case open = "rookery_open"
  case openPullRequest = "rookery_open_pr"
  case stop = "rookery_stop"
  case retry = "rookery_retry"
  case makePullRequest = "rookery_make_pr"
  case good = "rookery_good"
  case bad = "rookery_bad"
  case pick = "rookery_pick"
  case link = "rookery_link"

  /// A button's own id has a number behind it where a message has several of a kind.
  init?(actionID: String) {
    guard let action = Self.allCases.first(where: { actionID == $0.rawValue || actionID.hasPrefix($0.rawValue + ".") }) else { return nil }
    self = action
  }
}
