import Foundation
import HTTPTypes
import Hummingbird
import RookeryConfiguration
import RookeryModel
import RookeryStore

/// Finds out who asks. It admits nobody by itself: each route's `Access` does.
///
/// A bearer token decides when there is one, else the cookie, else, on the Unix socket, the peer's uid. A token that is wrong is
/// an error even on open routes, so that nobody mistakes it for a good one; a wrong cookie is none.
struct Authentication: RouterMiddleware {
  let registry: Registry
  let cookie: SessionCookie
  let failedLogins: FailedLogins
  let localUsers: Set<UInt32>

  func handle(
    _ request: Request, context: RookeryRequestContext, next: (Request, RookeryRequestContext) async throws -> Response
  ) async throws -> Response {
    var context = context
    context.caller = try await caller(request, context)
    if context.caller?.proof == .cookie { try OriginCheck.admit(request) }
    return try await next(request, context)
  }

  private func caller(_ request: Request, _ context: RookeryRequestContext) async throws -> Caller? {
    if let header = request.headers[.authorization] {
      guard let user = try await registry.authenticate(Self.token(in: header), as: .token) else {
        try failedLogins.record(context.peerAddress)
        throw RookeryError(
          .unauthenticated, "The token is unknown, expired or revoked.", mend: "Make a new one: “rookery token create”.")
      }
      return Caller(user: user, proof: .token)
    }
    if let secret = cookie.value(in: request), let user = try await registry.authenticate(secret, as: .cookie) {
      return Caller(user: user, proof: .cookie)
    }
    if context.isLocalSocket, let uid = await PeerUser.id(of: context.channel), isTrusted(uid),
      let admin = try await registry.localAdmin()
    {
      return Caller(user: admin, proof: .socket)
    }
    return nil
  }

  private func isTrusted(_ uid: UInt32) -> Bool { uid == 0 || uid == geteuid() || localUsers.contains(uid) }

  /// The token of `Bearer TOKEN`; anything else is no token.
  private static func token(in header: String) -> String {
    let parts = header.split(separator: " ", maxSplits: 1)
    guard parts.count == 2, parts[0].lowercased() == "bearer" else { return "" }
    return String(parts[1])
  }
}
