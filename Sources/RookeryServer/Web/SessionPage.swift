import Foundation
import RookeryModel
import RookerySessions

/// The page of one session: what the live stream keeps up to date, and the log around it.
struct SessionPage: Sendable {
  let sessions: any SessionService

  /// Events that one page shows; older ones are on earlier pages.
  static let window: Int64 = 5000
  /// Bytes of a diff that is shown in the page.
  static let diffLimit = 512 << 10

  /// Folds the log into `transcript` from where it is, up to and including `last`.
  func fold(_ session: SessionID, into transcript: inout Transcript, through last: Int64) async throws {
    while transcript.seq < last {
      let page = try await sessions.events(session, after: transcript.seq, limit: 1000)
      if page.events.isEmpty { return }
      for event in page.events where event.seq <= last { transcript.apply(event) }
      if let newest = page.events.last, newest.seq > last { return }
    }
  }

  /// The diffs that the turns show, except those too large for a page.
  func diffs(_ session: SessionID, in turns: [TranscriptTurn]) async throws -> [ArtifactID: String] {
    var diffs: [ArtifactID: String] = [:]
    for turn in turns {
      for case .diff(let artifact) in turn.blocks.map(\.content) where artifact.bytes <= Self.diffLimit && diffs[artifact.id] == nil {
        diffs[artifact.id] = String(decoding: try await sessions.artifact(session, artifact.id).1, as: UTF8.self)
      }
    }
    return diffs
  }

  /// Kinds of events after which state, queue or links look different.
  static func changesStatus(_ kind: String) -> Bool {
    [
      "prompt.queued", "prompt.cancelled", "prompt.edited", "prompt.moved", "prompt.steered", "prompt.deferred", "turn.started",
      "turn.stopping", "turn.finished", "pull_request.opened", "pull_request.updated", "permission.requested", "permission.answered",
      "participant.joined", "participant.left", "child.started",
    ].contains(kind)
  }

  func statusFragments(_ detail: API.SessionDetail, _ audience: Audience) -> [Fragment] {
    [
      Fragment(.replace, "status", Self.status(detail.session)),
      Fragment(.replace, "links", Self.links(detail.session)),
      Fragment(.replace, "people", PeopleView.participants(detail.session, audience)),
      Fragment(.replace, "permissions", SessionDock.permissions(detail, audience)),
      Fragment(.replace, "queue", SessionDock.queue(detail, audience)),
      Fragment(.replace, "stop", SessionDock.stopButton(detail.session, audience)),
    ]
  }

  /// `before` nil: the end of the log, live; else the events before it.
  func render(_ id: SessionID, viewer: User, watching: [Author] = [], before: Int64?) async throws -> HTML {
    let detail = try await sessions.detail(id)
    let audience = Self.audience(viewer, detail.session)
    let family = try await sessions.sessions(repository: nil, limit: 500, for: viewer)
    let last = min(detail.session.seq, before.map { $0 - 1 } ?? .max)
    let first = max(0, last - Self.window)
    var transcript = Transcript(of: detail, after: first)
    try await fold(id, into: &transcript, through: last)
    let view = TranscriptView(session: id, diffs: try await diffs(id, in: transcript.turns))
    let isLive = before == nil
    return """
      \(Self.header(detail, audience, watching, family))\
      <main class="session" id="main"\(isLive ? live(detail, transcript) : "")>\
      \(first > 0 ? Self.pager(id, before: first + 1, text: "Earlier") : "")\
      <div id="transcript" role="log" aria-label="Transcript" aria-live="off">\
      \(transcript.turns.isEmpty ? Self.nothingYet : "")\(transcript.turns.map(view.turn))</div>\
      \(isLive ? "" : Self.pager(id, before: nil, text: "To the newest"))\
      </main>\
      \(isLive ? SessionDock.html(detail, audience) : "")
      """
  }

  static func audience(_ viewer: User, _ session: SessionSummary) -> Audience {
    Audience(viewer: viewer, role: session.role(of: viewer) ?? .viewer)
  }

  private func live(_ detail: API.SessionDetail, _ transcript: Transcript) -> HTML {
    """
     data-session="\(detail.session.id)" data-after="\(transcript.seq)" data-from="\(transcript.turnStart)" \
    data-generation="\(detail.session.generation)"
    """
  }
}

extension API.SessionDetail {
  /// Texts of prompts by id.
  var promptTexts: [PromptID: String] { Dictionary(prompts.map { ($0.id, $0.text) }, uniquingKeysWith: { $1 }) }
}

// MARK: - Parts of the page

extension SessionPage {
  private static let nothingYet: HTML = """
    <p class="empty" id="empty">The first prompt waits for its sandbox. What the agent does will show up here.</p>
    """

  private static func pager(_ id: SessionID, before: Int64?, text: String) -> HTML {
    let query: HTML = before.map { "?before=\($0)" } ?? ""
    return #"<p class="pager"><a href="/sessions/\#(id)\#(query)">\#(text)</a></p>"#
  }

  private static func header(_ detail: API.SessionDetail, _ audience: Audience, _ watching: [Author], _ family: [SessionSummary])
    -> HTML
  {
    let session = detail.session
    return """
      <header class="session-head"><div class="session-title"><h1 dir="auto">\(session.title)</h1>\(status(session))</div>\
      <ul class="facts-list">\
      <li>\(Icon.box.html)<a href="/repositories/\(session.repository)">\(session.repository)</a></li>\
      <li>\(Icon.branch.html)<code>\(session.branch)</code></li>\
      <li>\(Icon.agent.html)\(session.agent)</li>\
      <li>\(PersonView.face(session.owner))\(session.owner.name)</li>\
      <li>\(Icon.clock.html)\(Wording.time(session.created))</li>\(PeopleView.watching(watching))</ul>\
      \(PeopleView.participants(session, audience))\(FamilyView.html(session, family))\(links(session))</header>
      """
  }

  static func status(_ session: SessionSummary) -> HTML {
    #"<span id="status" role="status">\#(Wording.stateMark(session))</span>"#
  }

  static func links(_ session: SessionSummary) -> HTML {
    guard let request = session.pullRequest else { return #"<p id="links" hidden></p>"# }
    return """
      <p id="links" class="links">\(Icon.merge.html)<a href="\(link: request.url)" rel="noopener noreferrer">\
      #\(request.number) <span dir="auto">\(request.title)</span></a></p>
      """
  }
}

/// The id of a request that a form makes, so that sending it twice does one thing.
enum RequestToken {
  static func make() -> String { SessionID.random(prefix: "web-").rawValue }
}
