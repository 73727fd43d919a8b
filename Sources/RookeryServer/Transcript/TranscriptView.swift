import Foundation
import RookeryModel

/// Turns and blocks as HTML. The ids that it gives to elements are those that live fragments name.
struct TranscriptView: Sendable {
  let session: SessionID
  /// Diffs that were read from the session's store; one that is missing is offered as a download only.
  var diffs: [ArtifactID: String] = [:]

  /// Bytes of a prompt that are shown at once.
  static let promptLimit = 64 << 10

  func turn(_ turn: TranscriptTurn) -> HTML {
    """
    <section class="turn" id="t\(turn.number)" aria-label="Turn \(turn.number)">\
    \(prompt(turn))\
    \(steps(turn))\
    <div class="blocks" id="t\(turn.number)-blocks">\(turn.blocks.map(block))</div>\
    \(end(turn))\
    </section>
    """
  }

  private func prompt(_ turn: TranscriptTurn) -> HTML {
    guard let author = turn.author else { return .empty }
    let isCut = turn.text.utf8.count > Self.promptLimit
    let shown = isCut ? String(turn.text.prefix(Self.promptLimit)) : turn.text
    let rest: HTML = isCut ? #"<p class="muted">… \#(Wording.size(turn.text.utf8.count)) in all</p>"# : ""
    return """
      <header class="ask">\(PersonView.face(author))<div class="ask-body">\
      <p class="by"><strong>\(author.name)</strong> \(Wording.time(turn.started))</p>\
      <div class="ask-text" dir="auto">\(shown)</div>\(rest)</div></header>
      """
  }

  func steps(_ turn: TranscriptTurn) -> HTML {
    let items = turn.steps.map { step -> HTML in
      "<li>\(Wording.step(step.step)) <b>\(Wording.duration(milliseconds: step.milliseconds))</b></li>"
    }
    return #"<ol class="steps" id="t\#(turn.number)-steps" aria-label="Steps">\#(items)</ol>"#
  }

  func end(_ turn: TranscriptTurn) -> HTML {
    let id: HTML = "t\(turn.number)-end"
    guard let finished = turn.finished, let ended = turn.ended else {
      return """
        <p class="end working" id="\(id)"><span class="pulse" aria-hidden="true"></span>Working \
        <span class="elapsed" data-since="\(Timestamp.text(turn.started))"></span></p>
        """
    }
    let duration = Wording.duration(from: turn.started, to: ended)
    var facts: [String] = [duration]
    if turn.inputTokens + turn.outputTokens > 0 {
      facts.append("\(Wording.count(turn.inputTokens)) tokens in, \(Wording.count(turn.outputTokens)) out")
    }
    if let reason = finished.stopReason, finished.result != .completed || reason.hasPrefix("exit") { facts.append(reason) }
    let (icon, word): (Icon, String) =
      switch finished.result {
      case .completed: (.check, "Done")
      case .failed: (.cross, "Failed")
      case .interrupted: (.stop, "Stopped")
      }
    let trouble: HTML = finished.error.map { TroubleView.html($0) } ?? ""
    return """
      <div class="end end-\(finished.result.rawValue)" id="\(id)"><p>\(icon.html)<strong>\(word)</strong> \
      <span class="facts">\(facts.joined(separator: " · "))</span></p>\(trouble)</div>
      """
  }

  func block(_ block: TranscriptBlock) -> HTML {
    switch block.content {
    case .message(let text): #"<div class="block message md" dir="auto" id="b\#(block.id)">\#(text.blocks())</div>"#
    case .thought(let text):
      """
      <details class="block thought" id="b\(block.id)"><summary>Thinking</summary>\
      <div class="md" dir="auto" id="b\(block.id)-c">\(text.blocks())</div></details>
      """
    case .output(let output): OutputView.block(output, id: block.id)
    case .tool(let tool): ToolView.block(tool, id: block.id)
    case .plan(let plan): PlanView.block(plan, id: block.id)
    case .diff(let artifact): diff(artifact, id: block.id)
    case .artifact(let artifact):
      """
      <p class="block line" id="b\(block.id)">\(Icon.file.html)<span>\(download(artifact, text: artifact.name)) \
      <span class="muted">\(Wording.size(artifact.bytes))</span></span></p>
      """
    case .steer(let author, let text):
      """
      <div class="block steer" id="b\(block.id)">\(PersonView.face(author))<div><p class="by"><strong>\(author.name)</strong> \
      told the agent</p><div class="ask-text" dir="auto">\(text.prefix(4000))</div></div></div>
      """
    case .event(let payload): EventLineView.block(payload, id: block.id)
    }
  }

  private func download(_ artifact: Artifact, text: String) -> HTML {
    #"<a href="/v1/sessions/\#(session)/artifacts/\#(artifact.id)" download>\#(text)</a>"#
  }

  private func diff(_ artifact: Artifact, id: Int64) -> HTML {
    guard let text = diffs[artifact.id] else {
      return """
        <p class="block line" id="b\(id)">\(Icon.file.html)<span>Changes: \(download(artifact, text: artifact.name)) \
        <span class="muted">\(Wording.size(artifact.bytes))</span></span></p>
        """
    }
    return DiffView.block(UnifiedDiff(text), id: id, download: download(artifact, text: "Download"))
  }
}

/// A failure inside a page: the cause, and what to do.
enum TroubleView {
  static func html(_ error: RookeryError) -> HTML {
    let mend: HTML = error.mend.isEmpty ? "" : #"<p class="mend">\#(error.mend)</p>"#
    return #"<div class="trouble" role="note"><p>\#(error.message)</p>\#(mend)</div>"#
  }
}

/// A person as a coloured initial.
enum PersonView {
  static func face(_ author: Author) -> HTML {
    let initial = author.name.first.map { String($0).uppercased() } ?? "?"
    let hue = author.user.rawValue.utf8.reduce(0) { ($0 * 31 + Int($1)) % 8 }
    return #"<span class="face hue-\#(hue)" aria-hidden="true">\#(initial)</span>"#
  }
}
