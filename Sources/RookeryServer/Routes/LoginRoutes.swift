import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import RookeryConfiguration
import RookeryModel
import RookeryStore

/// Signing a browser in and out.
enum LoginRoutes {
  static func add(to routes: inout RouteTable, _ server: ServerContext, cookie: SessionCookie, failedLogins: FailedLogins) {
    let registry = server.registry
    routes.get("/login", .open) { request, context in
      guard let code = request.uri.queryParameters["code"] else {
        return context.caller == nil ? SignInPage.page.response() : .seeOther("/")
      }
      try failedLogins.admit(context.peerAddress)
      guard let user = try await registry.redeemLoginCode(String(code)) else {
        try failedLogins.record(context.peerAddress)
        return SignInPage.usedLink(RookeryError(.unauthenticated, "It was used already, or is older than ten minutes."))
          .response(status: .unauthorized)
      }
      let secret = try await registry.issueCredential(
        .cookie, for: user.id, purpose: "browser", expires: Date(timeIntervalSinceNow: SessionCookie.lifetime))
      var response = answer(request)
      response.headers[.setCookie] = cookie.setting(secret.text)
      return response
    }
    routes.post("/logout", .open) { request, context in
      if let secret = cookie.value(in: request) { try await registry.revokeCredential(.cookie, text: secret) }
      var response = Response.seeOther("/")
      response.headers[.setCookie] = cookie.clearing
      return response
    }
  }

  private static func answer(_ request: Request) -> Response {
    guard let name = HTTPField.Name("Sec-Fetch-Site"), request.headers[name] == "cross-site" else { return .seeOther("/") }
    return Response(
      status: .ok, headers: [.contentType: "text/html; charset=utf-8"],
      body: ResponseBody(byteBuffer: ByteBuffer(string: SignInPage.passage.text)))
  }
}
