import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import RookeryModel
import RookerySlack

/// Slack's requests over HTTP, and the page on which people tie their Slack account to their user here.
enum SlackRoutes {
  static func add(to routes: inout RouteTable, _ server: ServerContext) {
    // Slack proves itself by a signature, which the service checks.
    routes.post("/v1/slack/events", .open) { request, _ in try await receive(.event, request, server) }
    routes.post("/v1/slack/interactivity", .open) { request, _ in try await receive(.interaction, request, server) }
    routes.get("/slack/link", .role(.viewer)) { request, context in
      let code = request.uri.queryParameters["code"].map(String.init) ?? ""
      guard let name = try await service(server).linkSubject(code) else { throw usedUp }
      return try SlackLinkPage.page(name: name, code: code, user: context.user()).response()
    }
    routes.post("/slack/link", .role(.viewer)) { request, context in
      let form = try await request.form()
      guard try await service(server).redeemLink(try form.required("code"), for: context.user()) else { throw usedUp }
      return try SlackLinkPage.done(user: context.user()).response()
    }
  }

  private static func service(_ server: ServerContext) throws -> SlackService {
    guard let slack = server.slack else {
      throw RookeryError(
        .notFound, "This server is not connected to Slack.", mend: "An admin sets it up in the configuration's slack section.")
    }
    return slack
  }

  private static var usedUp: RookeryError {
    RookeryError(.notFound, "This link was used already, or is older than 15 minutes.", mend: "Write to the app in Slack for a new one.")
  }

  private static func receive(_ kind: SlackService.Kind, _ request: Request, _ server: ServerContext) async throws -> Response {
    func header(_ name: String) -> String? { HTTPField.Name(name).flatMap { request.headers[$0] } }
    let body = try await request.boundedBody()
    let challenge = try await service(server).receive(
      kind, body: Data(body.readableBytesView), timestamp: header("X-Slack-Request-Timestamp"), signature: header("X-Slack-Signature"))
    return .bytes((challenge ?? "").utf8, type: "text/plain; charset=utf-8")
  }
}

/// Asks before it ties: whoever sent the link may not be who opens it.
enum SlackLinkPage {
  static func page(name: String, code: String, user: User) -> Page {
    Page(
      title: "Link Slack · Rookery", user: user, kind: "notice",
      content: """
        <main class="notice" id="main"><h1>Is this you?</h1>\
        <p>What “\(name)” asks for in Slack will be done as \(user.name) (\(user.email)).</p>\
        <form method="post" action="/slack/link"><input type="hidden" name="code" value="\(code)">\
        <button>Yes, link it to me</button></form>\
        <p class="muted">Do so only if you asked for this link in Slack yourself.</p></main>
        """)
  }

  static func done(user: User) -> Page {
    Page(
      title: "Link Slack · Rookery", user: user, kind: "notice",
      content: """
        <main class="notice" id="main"><h1>Linked</h1><p>Go back to Slack and write again.</p></main>
        """)
  }
}
