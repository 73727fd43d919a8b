import Foundation
import RookeryModel

/// One repository: its image, its newest build with the log, its sessions.
struct RepositoryPage: Sendable {
  var repository: Repository
  /// Nil when it was never built.
  var log: API.BuildLog?
  var sessions: [SessionSummary]
  var viewer: User

  /// Log lines that a page shows.
  static let lineLimit = 2000

  /// The newest build with the end of its log.
  static func log(of name: RepositoryName, _ repositories: any RepositoryControl) async throws -> API.BuildLog {
    var log = try await repositories.buildLog(name, after: 0, wait: .zero)
    while let last = log.lines.last {
      let next = try await repositories.buildLog(name, after: last.number, wait: .zero)
      if next.lines.isEmpty { break }
      // A new build may have begun meanwhile.
      log = API.BuildLog(build: next.build, lines: (next.build.image == log.build.image ? log.lines.suffix(lineLimit) : []) + next.lines)
    }
    return log
  }

  var page: Page {
    Page(
      title: "\(repository.name) · Rookery", user: viewer, kind: "repository",
      content: """
        <main class="repository" id="main"><header class="session-head"><div class="session-title"><h1>\(repository.name)</h1>\
        \(Self.imageState(repository))</div>\
        \(repository.description.isEmpty ? "" : "<p class=\"about\" dir=\"auto\">\(repository.description)</p>" as HTML)\
        <ul class="facts-list"><li>\(Icon.globe.html)<a href="\(link: repository.url)" rel="noopener noreferrer">\(repository.url)</a></li>\
        <li>\(Icon.branch.html)<code>\(repository.defaultBranch)</code></li>\(imageFacts)</ul>\
        \(viewer.role.rank >= User.Role.member.rank ? Self.buildButton(repository) : "")</header>\
        \(build)<section aria-labelledby="h-sessions"><h2 id="h-sessions">Sessions</h2>\(HomePage.sessionList(sessions))</section></main>
        """)
  }

  private var imageFacts: HTML {
    let next: HTML = repository.nextLook.map { "<li>\(Icon.clock.html)<span>Next look \(Wording.time($0))</span></li>" } ?? ""
    let requests = (repository.requests ?? []).filter { !$0.isGranted }
      .map { request -> HTML in "<li>\(Icon.shield.html)<span>Not granted: \(request.text) (\(request.remark))</span></li>" }
    guard let image = repository.image else { return "\(next)\(requests)" }
    return
      "\(next)\(requests)<li>\(Icon.box.html)<span>Image of <code>\(Wording.shortCommit(image.commit))</code>, \(Wording.time(image.created))</span></li>"
  }

  private var build: HTML {
    guard let log else { return #"<p class="empty">No image was built yet; the first session builds one.</p>"# }
    let error: HTML = log.build.error.map { TroubleView.html($0) } ?? ""
    let shown = log.lines.suffix(Self.lineLimit)
    let lines = shown.map { line -> HTML in #"<span class="log-step">\#(line.step)</span> \#(line.text)\#n"# }
    let state: HTML =
      switch log.build.state {
      case .running: #"<span class="state state-running">Building</span>"#
      case .succeeded: #"<span class="state state-completed">Built</span>"#
      case .unchanged: #"<span class="state state-completed">Nothing changed</span>"#
      case .failed: #"<span class="state state-failed">Failed</span>"#
      }
    let took: HTML = log.build.finished.map { " · \(Wording.duration(from: log.build.started, to: $0))" } ?? ""
    return """
      <section class="build" aria-labelledby="h-build"><h2 id="h-build">Newest build</h2>\
      <p class="build-head">\(state) <span class="muted">\(Wording.time(log.build.started))\(took)</span></p>\(error)\
      <pre class="log" id="build-log" tabindex="0" aria-label="Build log" data-repository="\(repository.name)" \
      data-state="\(log.build.state.rawValue)" data-after="\(log.lines.last?.number ?? 0)">\(lines)</pre></section>
      """
  }

  static func imageState(_ repository: Repository) -> HTML {
    if repository.lastBuild?.state == .running { return #"<span class="state state-running">Building</span>"# }
    if repository.lastBuild?.state == .failed {
      if let failures = repository.failures, failures > 1 {
        return #"<span class="state state-failed">\#(Wording.count(failures)) builds failed</span>"#
      }
      return repository.image == nil
        ? #"<span class="state state-failed">Build failed</span>"#
        : #"<span class="state state-interrupted" title="The newest build failed; the earlier image still serves.">Older image</span>"#
    }
    return repository.image == nil
      ? #"<span class="state state-idle">No image</span>"# : #"<span class="state state-completed">Ready</span>"#
  }

  static func buildButton(_ repository: Repository) -> HTML {
    let isRunning = repository.lastBuild?.state == .running
    return """
      <form class="build-form" method="post" action="/repositories/\(repository.name)/build">\
      <button class="secondary"\(isRunning ? " disabled" : "" as HTML)>\(isRunning ? "Building" : "Build image")</button></form>
      """
  }
}
