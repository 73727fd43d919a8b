import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import RookeryModel

/// The frame around every page.
struct Page: Sendable {
  var title: String
  var user: User?
  /// A name by which the style sheet and the script know the page.
  var kind: String
  var content: HTML

  var html: HTML {
    """
    <!doctype html>
    <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">\
    <meta name="color-scheme" content="light dark"><title>\(title)</title>\
    <link rel="stylesheet" href="\(Asset.style.path)"><link rel="icon" href="\(Asset.icon.path)" type="image/svg+xml">\
    <script src="\(Asset.script.path)" defer></script></head>\
    <body class="page-\(kind)"><a class="skip" href="#main">Skip to the content</a>\(bar)\(content)</body></html>
    """
  }

  private var bar: HTML {
    let person: HTML =
      user.map { user in
        """
        <div class="person">\(PersonView.face(user.author))<span class="person-name">\(user.name)</span>\
        <form method="post" action="/logout"><button class="quiet">Sign out</button></form></div>
        """
      } ?? ""
    return """
      <nav class="bar" aria-label="Main"><a class="brand" href="/"><img src="\(Asset.icon.path)" alt="" width="22" height="22">Rookery</a>\
      \(person)</nav>
      """
  }

  func response(status: HTTPResponse.Status = .ok) -> Response {
    Response(
      status: status, headers: [.contentType: "text/html; charset=utf-8"],
      body: ResponseBody(byteBuffer: ByteBuffer(string: html.text)))
  }
}

/// A failure as a page.
enum ErrorPage {
  static func response(_ failure: RookeryError, caller: Caller?) -> Response {
    let status = HTTPResponse.Status(code: failure.code.httpStatus)
    if failure.code == .unauthenticated { return SignInPage.page.response(status: status) }
    let mend: HTML = failure.mend.isEmpty ? "" : "<p>\(failure.mend)</p>"
    return Page(
      title: "Rookery", user: caller?.user, kind: "notice",
      content: """
        <main class="notice" id="main"><h1>\(heading(failure))</h1><p>\(failure.message)</p>\(mend)\
        <p><a class="button" href="/">Home</a></p></main>
        """
    ).response(status: status)
  }

  private static func heading(_ failure: RookeryError) -> String {
    switch failure.code.httpStatus {
    case 404: "Not found"
    case 403: "Not allowed"
    case 429: "Too many attempts"
    case 503: "Not available now"
    default: "That did not work"
    }
  }
}

/// What someone without a sign-in sees.
enum SignInPage {
  /// The same, with GitHub where people can sign in with it.
  static func page(offersGitHub: Bool) -> Page {
    guard offersGitHub else { return page }
    return Page(
      title: "Sign in · Rookery", user: nil, kind: "notice",
      content: """
        <main class="notice" id="main"><h1>Sign in</h1>\
        <p><a class="button" href="/login/github">Sign in with GitHub</a></p>\
        <p class="muted">Or ask an admin for a link, which works once, for ten minutes.</p></main>
        """)
  }

  static let page = Page(
    title: "Sign in · Rookery", user: nil, kind: "notice",
    content: """
      <main class="notice" id="main"><h1>Sign in</h1>\
      <p>Rookery signs you in with a link. On the machine that it runs on, ask for one:</p>\
      <pre>rookery login-link</pre>\
      <p class="muted">A link works once, for ten minutes. Someone who is an admin here can make one for you.</p></main>
      """)

  static func usedLink(_ failure: RookeryError) -> Page {
    Page(
      title: "Sign in · Rookery", user: nil, kind: "notice",
      content: """
        <main class="notice" id="main"><h1>This link no longer works</h1><p>\(failure.message)</p>\
        <p>Ask for a new one:</p><pre>rookery login-link</pre></main>
        """)
  }

  /// Takes a browser that came from another site to the home page in a step of our own, since its new cookie is not sent along on a
  /// way that began elsewhere.
  static func passage(to path: String) -> HTML {
    """
    <!doctype html>
    <html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="0; url=\(link: path)"><title>Rookery</title></head>\
    <body><a href="\(link: path)">Continue</a></body></html>
    """
  }
}
