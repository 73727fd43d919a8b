import Foundation
import RookeryModel

/// Repositories, sessions, and where a new session starts.
struct HomePage: Sendable {
  var repositories: [Repository]
  var sessions: [SessionSummary]
  var agents: [AgentSummary]
  var viewer: User
  /// The agent that is offered first.
  var defaultAgent: AgentName?

  var page: Page {
    Page(
      title: "Rookery", user: viewer, kind: "home",
      content: """
        <main class="home" id="main">\(composer)<div class="columns" id="live" data-live="/live/home">\(lists)</div></main>
        """)
  }

  /// What the page asks for again from time to time.
  var lists: HTML {
    """
    <section class="sessions" aria-labelledby="h-sessions"><h2 id="h-sessions">Sessions</h2>\(SearchPage.form())\(Self.sessionList(sessions))</section>\
    <section class="repositories" aria-labelledby="h-repositories"><h2 id="h-repositories">Repositories</h2>\(repositoryList)\
    <p class="muted elsewhere"><a href="/images">Images</a> · <a href="/stats">Statistics</a></p></section>
    """
  }

  private var canWork: Bool { viewer.role.rank >= User.Role.member.rank }

  private var composer: HTML {
    guard canWork, !repositories.isEmpty else { return .empty }
    let options = repositories.map { repository -> HTML in #"<option value="\#(repository.name)">\#(repository.name)</option>"# }
    let installed = agents.filter(\.installed)
    let agentOptions = installed.map { agent -> HTML in
      #"<option value="\#(agent.name)"\#(agent.name == defaultAgent ? " selected" : "" as HTML)>\#(agent.title)</option>"#
    }
    return """
      <form class="composer start" id="start" method="post" action="/sessions">\
      <input type="hidden" name="requestId" value="\(RequestToken.make())">\
      <label for="start-text" class="visually-hidden">What should be done?</label>\
      <textarea id="start-text" name="prompt" rows="3" required maxlength="1000000" placeholder="What should be done?" dir="auto" \
      aria-describedby="start-hint"></textarea>\
      <div class="composer-row"><label class="visually-hidden" for="start-repository">Repository</label>\
      <select id="start-repository" name="repository" required>\(options)</select>\
      <label class="visually-hidden" for="start-agent">Agent</label>\
      <select id="start-agent" name="agent"><option value="">Usual agent</option>\(agentOptions)</select>\
      <span id="start-hint" class="hint">Ctrl+Enter starts</span>\
      <p class="form-error" role="alert" hidden></p><button class="primary">Start</button></div></form>
      """
  }

  static func sessionList(_ sessions: [SessionSummary]) -> HTML {
    guard !sessions.isEmpty else {
      return #"<p class="empty">No session yet.</p>"#
    }
    let items = sessions.map { session -> HTML in
      """
      <li><a class="row" href="/sessions/\(session.id)"><span class="row-main"><span class="row-title" dir="auto">\(session.title)</span>\
      <span class="row-facts"><span>\(session.repository)</span><span>\(session.owner.name)</span>\(Wording.time(session.updated))\
      \(session.pullRequest.map { "<span>#\($0.number)</span>" as HTML } ?? "")</span></span>\(Wording.stateMark(session))</a></li>
      """
    }
    return #"<ul class="rows">\#(items)</ul>"#
  }

  private var repositoryList: HTML {
    guard !repositories.isEmpty else {
      return """
        <div class="empty"><p>No repository yet. Add one from a terminal:</p>\
        <pre>rookery repo add NAME https://git.example.org/team/project.git</pre></div>
        """
    }
    let items = repositories.map { repository -> HTML in
      """
      <li class="card"><div class="card-head"><h3><a href="/repositories/\(repository.name)">\(repository.name)</a></h3>\
      \(RepositoryPage.imageState(repository))</div>\
      \(repository.description.isEmpty ? "" : "<p class=\"about\" dir=\"auto\">\(repository.description)</p>" as HTML)\
      \(canWork ? RepositoryPage.buildButton(repository) : "")</li>
      """
    }
    return #"<ul class="cards">\#(items)</ul>"#
  }
}
