import Foundation
import RookeryModel

/// What was found in all sessions.
struct SearchPage: Sendable {
  var query: String
  var hits: [API.SearchHit]
  var viewer: User

  var page: Page {
    Page(
      title: "Search · Rookery", user: viewer, kind: "search",
      content: """
        <main class="home" id="main"><h1>Search</h1>\(Self.form(query))\(results)</main>
        """)
  }

  static func form(_ query: String = "") -> HTML {
    """
    <form class="search" method="get" action="/search" role="search"><label for="q" class="visually-hidden">Search</label>\
    <input id="q" type="search" name="q" maxlength="500" placeholder="Search all sessions" value="\(query)" dir="auto"></form>
    """
  }

  private var results: HTML {
    guard !query.allSatisfy(\.isWhitespace) else { return .empty }
    guard !hits.isEmpty else { return #"<p class="empty">Nothing was found.</p>"# }
    let items = hits.map { hit -> HTML in
      let parts = hit.text.map { part -> HTML in part.match ? "<mark>\(part.text)</mark>" : "\(part.text)" }
      return """
        <li><a class="row" href="/sessions/\(hit.session)"><span class="row-main">\
        <span class="row-title" dir="auto">\(hit.title ?? hit.session.rawValue)</span>\
        <span class="row-facts" dir="auto">\(parts.joined())</span><span class="row-facts"><span>\(hit.kind)</span>\
        \(Wording.time(hit.time))</span></span></a></li>
        """
    }
    return #"<ul class="rows">\#(items)</ul>"#
  }
}
