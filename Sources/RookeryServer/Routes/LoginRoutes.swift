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
        guard context.caller == nil else { return .seeOther("/") }
        return await SignInPage.page(offersGitHub: server.github?.canSignIn == true).response()
      }
      try failedLogins.admit(context.peerAddress)
      guard let user = try await registry.redeemLoginCode(String(code)) else {
        try failedLogins.record(context.peerAddress)
        return SignInPage.usedLink(RookeryError(.unauthenticated, "It was used already, or is older than ten minutes."))
          .response(status: .unauthorized)
      }
      let secret = try await registry.issueCredential(
        .cookie, for: user.id, purpose: "browser", expires: Date(timeIntervalSinceNow: SessionCookie.lifetime))
      var response = answer(request, next: safePath(request.uri.queryParameters["next"].map(String.init)))
      response.headers[.setCookie] = cookie.setting(secret.text)
      return response
    }
    routes.post("/logout", .open) { request, context in
      if let secret = cookie.value(in: request) { try await registry.revokeCredential(.cookie, text: secret) }
      if let caller = context.caller, caller.proof == .cookie {
        try await registry.audit(.signedOut, by: caller.user, origin: context.peerAddress)
        // With the last way in goes the access to GitHub.
        let isLast = try await registry.hasNoCredentials(caller.user.id)
        if isLast { await server.github?.revokeAccess(of: caller.user.id) }
      }
      var response = Response.seeOther("/")
      response.headers[.setCookie] = cookie.clearing
      return response
    }
  }

  /// Where the link leads after the sign-in: a path of ours, or home.
  static func safePath(_ text: String?) -> String {
    guard let text, text.utf8.count <= 200, text.hasPrefix("/"),
      text.utf8.allSatisfy({ byte in
        (0x61...0x7a).contains(byte) || (0x41...0x5a).contains(byte) || (0x30...0x39).contains(byte) || "/-_.".utf8.contains(byte)
      }), !text.hasPrefix("//")
    else { return "/" }
    return text
  }

  static func answer(_ request: Request, next: String) -> Response {
    guard let name = HTTPField.Name("Sec-Fetch-Site"), request.headers[name] == "cross-site" else { return .seeOther(next) }
    return Response(
      status: .ok, headers: [.contentType: "text/html; charset=utf-8"],
      body: ResponseBody(byteBuffer: ByteBuffer(string: SignInPage.passage(to: next).text)))
  }
}
