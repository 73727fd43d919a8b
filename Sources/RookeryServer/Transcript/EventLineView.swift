import Foundation
import RookeryModel

/// Events that are one line in a turn.
enum EventLineView {
  static func block(_ payload: EventPayload, id: Int64) -> HTML {
    let line = self.line(payload)
    return #"<p class="block line line-\#(line.tone)" id="b\#(id)">\#(line.icon.html)<span>\#(line.text)</span></p>"#
  }

  private struct Line {
    var icon: Icon
    var tone = "plain"
    var text: HTML
  }

  private static func line(_ payload: EventPayload) -> Line {
    switch payload {
    case .sandboxReady(let body):
      let source =
        switch body.source {
        case .running: "still running"
        case .warm: "from the warm pool"
        case .image: "from the image"
        case .snapshot: "from its snapshot"
        }
      let commit: HTML = body.commit.map { " at <code>\(Wording.shortCommit($0))</code>" } ?? ""
      return Line(icon: .box, tone: "quiet", text: "Sandbox \(source)\(commit)")
    case .sandboxAwaited(let body):
      return Line(icon: .info, text: "Waiting for room (\(body.lacking.rawValue)): \(body.ahead) before this one")
    case .sandboxPaused: return Line(icon: .box, tone: "quiet", text: "Sandbox paused")
    case .sandboxResumed: return Line(icon: .box, tone: "quiet", text: "Sandbox resumed")
    case .limitWarning(let body):
      return Line(icon: .warning, tone: "warn", text: "<strong>Limit near: \(body.limit.rawValue).</strong> \(body.detail)")
    case .networkRefused(let body): return refusal(body)
    case .serviceChanged(let body):
      let detail: HTML = body.detail.isEmpty ? "" : ": \(body.detail)"
      return Line(icon: .box, tone: body.state == .ready ? "quiet" : "warn", text: "Service \(body.name) \(body.state.rawValue)\(detail)")
    case .sandboxLost(let body): return Line(icon: .warning, tone: "bad", text: "The sandbox was lost: \(body.reason)")
    case .limitHit(let body):
      return Line(icon: .warning, tone: "bad", text: "<strong>Limit reached: \(body.limit.rawValue).</strong> \(body.detail)")
    case .agentStarted(let body):
      let version: HTML = body.version.map { " \($0)" } ?? ""
      return Line(
        icon: .agent, tone: "quiet", text: "\(body.title)\(version) \(Self.verb(of: body.conversation))")
    case .permissionAnswered(let body):
      return Line(icon: .shield, tone: "quiet", text: "\(body.allowed ? "Allowed" : "Refused") by policy: \(body.tool)")
    case .commitCreated(let body): return commit(body)
    case .workSaved(let body):
      return Line(
        icon: .commit, text: "Unfinished work was kept as <code>\(Wording.shortCommit(body.commit))</code> on <code>\(body.ref)</code>")
    case .branchPushed(let body):
      return Line(icon: .branch, tone: "good", text: "Pushed <code>\(body.branch)</code> to \(body.remote)")
    case .pullRequestOpened(let body): return pullRequest(body, verb: "Opened")
    case .pullRequestUpdated(let body): return pullRequest(body, verb: "Updated")
    case .pullRequestMerged(let body): return ended(body.number, body.url, by: body.by, verb: "Merged", tone: "good")
    case .pullRequestClosed(let body): return ended(body.number, body.url, by: body.by, verb: "Closed, without a merge:", tone: "plain")
    case .snapshotTaken: return Line(icon: .box, tone: "quiet", text: "Snapshot taken")
    case .notice(let body):
      return Line(icon: body.level == .warning ? .warning : .info, tone: body.level == .warning ? "warn" : "quiet", text: "\(body.text)")
    default: return Line(icon: .info, tone: "quiet", text: "<code>\(payload.kind)</code>")
    }
  }

  private static func verb(of conversation: AgentStarted.Conversation) -> String {
    switch conversation {
    case .new: "started"
    case .resumed: "went on with its conversation"
    case .retold: "started, and was told what was said before"
    }
  }

  private static func refusal(_ body: NetworkRefused) -> Line {
    let process: HTML = body.process.map { " for <code>\($0)</code>" } ?? ""
    let times: HTML = body.count > 1 ? " \(body.count) times" : ""
    return Line(
      icon: .shield, tone: "warn", text: "Refused\(process): <code>\(body.host):\(body.port)</code>\(times). \(body.reason)")
  }

  private static func commit(_ body: CommitCreated) -> Line {
    Line(
      icon: .commit, tone: "good",
      text: """
        Committed <code>\(Wording.shortCommit(body.commit))</code> <span dir="auto">\(body.subject)</span> \
        <span class="muted">by \(body.author.name), \(Wording.plural(body.files, "file", "files"))</span> \
        \(DiffView.counts(body.additions, body.deletions))
        """)
  }

  private static func ended(_ number: Int, _ url: String, by person: String?, verb: String, tone: String) -> Line {
    let person: HTML = person.map { " by \($0)" } ?? ""
    return Line(
      icon: .merge, tone: tone,
      text: #"\#(verb) pull request <a href="\#(link: url)" rel="noopener noreferrer">#\#(number)</a>\#(person)"#)
  }

  private static func pullRequest(_ body: PullRequest, verb: String) -> Line {
    Line(
      icon: .merge, tone: "good",
      text:
        #"\#(verb) pull request <a href="\#(link: body.url)" rel="noopener noreferrer">#\#(body.number) <span dir="auto">\#(body.title)</span></a>"#
    )
  }
}
