import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import RookeryConfiguration
import RookeryGitHub
import RookeryModel
import RookeryStore

/// Signing in with GitHub, and what GitHub sends.
enum GitHubRoutes {
  /// Bytes of a webhook's body: GitHub's own bound.
  private static let webhookLimit = 25 << 20
  private static let callback = "/login/github/callback"

  static func add(to routes: inout RouteTable, _ server: ServerContext, cookie: SessionCookie, failedLogins: FailedLogins) {
    let redirect = server.configuration.server.origin + callback
    routes.get("/login/github", .open) { request, context in
      try failedLogins.admit(context.peerAddress)
      guard let github = server.github else { throw notOffered }
      let path = LoginRoutes.safePath(request.uri.queryParameters["next"].map(String.init))
      // Whoever is signed in links an account.
      let (address, state) = try await github.beginSignIn(path: path, user: context.caller?.user.id, redirect: redirect)
      var response = Response(status: .seeOther, headers: [.location: address])
      response.headers[.setCookie] = StateCookie(server.configuration.server).setting(state)
      return response
    }
    routes.get(callback, .open) { request, context in
      try failedLogins.admit(context.peerAddress)
      guard let github = server.github else { throw notOffered }
      let query = request.uri.queryParameters
      let states = StateCookie(server.configuration.server)
      do {
        // The browser that comes back must be the one that was sent: else somebody could sign others in as themselves.
        guard let code = query["code"], let state = query["state"], states.value(in: request) == String(state) else {
          throw RookeryError(.unauthenticated, "This sign-in was not begun in this browser, or was refused.", mend: "Sign in again.")
        }
        let (admitted, path) = try await github.finishSignIn(
          code: String(code), state: String(state), redirect: redirect, origin: context.peerAddress)
        await server.accountLinked(admitted.user.id)
        let secret = try await server.registry.issueCredential(
          .cookie, for: admitted.user.id, purpose: "browser", expires: Date(timeIntervalSinceNow: SessionCookie.lifetime))
        var response = LoginRoutes.answer(request, next: path)
        response.headers[values: .setCookie] = [cookie.setting(secret.text), states.clearing]
        return response
      } catch let error as RookeryError {
        if [.unauthenticated, .forbidden].contains(error.code) { try failedLogins.record(context.peerAddress) }
        throw error.code == .unauthenticated ? RookeryError(.forbidden, error.message, mend: error.mend, context: error.context) : error
      }
    }
    routes.post("/hooks/github", .open) { request, context in
      try await take(request, context, server, failedLogins)
    }
  }

  private static var notOffered: RookeryError {
    RookeryError(.notFound, "Nobody can sign in with GitHub here.", mend: "Configure github.app.")
  }

  /// Stores what is proven to come from GitHub, and answers at once.
  private static func take(
    _ request: Request, _ context: RookeryRequestContext, _ server: ServerContext, _ failed: FailedLogins
  ) async throws -> Response {
    try failed.admit(context.peerAddress)
    func header(_ name: String) -> String { HTTPField.Name(name).flatMap { request.headers[$0] } ?? "" }
    guard let secret = await server.github?.webhookSecret else {
      throw RookeryError(.notFound, "No webhook is taken here.", mend: "Set github.app.webhook_secret_file.")
    }
    let (id, event) = (header("X-GitHub-Delivery"), header("X-GitHub-Event"))
    guard (1...100).contains(id.utf8.count), (1...100).contains(event.utf8.count) else {
      throw RookeryError(.badRequest, "This is no delivery of GitHub's: its id or event is missing.")
    }
    let body: Data
    do { body = Data((try await request.body.collect(upTo: webhookLimit)).readableBytesView) } catch is NIOTooManyBytesError {
      throw RookeryError(.tooLarge, "The delivery is larger than \(webhookLimit >> 20) MiB.")
    }
    guard WebhookSignature.isValid(header("X-Hub-Signature-256"), body: body, secret: secret) else {
      try failed.record(context.peerAddress)
      throw RookeryError(
        .forbidden, "The delivery's signature is wrong.", mend: "Use the same secret here and in the App's settings.")
    }
    if try await server.registry.accept(id, event: event, body: body) { server.webhookArrived() }
    return Response(status: .accepted)
  }
}

/// Ties a sign-in at GitHub to the browser that began it. `Lax`, since the browser comes back from another site.
private struct StateCookie {
  private let name: String
  private let isSecure: Bool

  init(_ server: Configuration.Server) {
    isSecure = server.origin.hasPrefix("https://")
    name = isSecure ? "__Host-rookery-state" : "rookery-state-\(server.port)"
  }

  func value(in request: Request) -> String? { request.cookies[name]?.value }
  func setting(_ state: String) -> String { header(state, maxAge: Int(Registry.signInLifetime)) }
  var clearing: String { header("", maxAge: 0) }

  private func header(_ value: String, maxAge: Int) -> String {
    "\(name)=\(value); Path=/; Max-Age=\(maxAge); HttpOnly; SameSite=Lax" + (isSecure ? "; Secure" : "")
  }
}
