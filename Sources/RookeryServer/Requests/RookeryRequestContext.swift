import Hummingbird
import Logging
import NIOCore
import RookeryModel

/// What is known of a request while it is answered.
struct RookeryRequestContext: RequestContext {
  var coreContext: CoreRequestContextStorage
  /// The connection that it came by.
  let channel: any Channel
  /// Who asks; nil until authentication found someone.
  var caller: Caller?

  init(source: ApplicationRequestContextSource) {
    coreContext = CoreRequestContextStorage(source: source)
    channel = source.channel
    logger[metadataKey: "request"] = source.logger[metadataKey: "hb.request.id"]
    logger[metadataKey: "hb.request.id"] = nil
  }

  /// The id under which the request is logged, and which its answer carries.
  var requestID: String { logger[metadataKey: "request"]?.description ?? "-" }

  /// Whether the request came by the Unix socket of this machine.
  var isLocalSocket: Bool { channel.localAddress?.protocol == .unix }

  /// The client's address without its port: what failed logins are counted by.
  var peerAddress: String { channel.remoteAddress?.ipAddress ?? "local" }

  /// The user that asks. Routes that need one are reached only by someone.
  func user() throws -> User {
    guard let caller else { throw RookeryError.signInNeeded }
    return caller.user
  }
}

/// Someone who proved who they are.
struct Caller: Sendable {
  enum Proof: Sendable { case token, cookie, socket }
  let user: User
  let proof: Proof
}

extension RookeryError {
  static var signInNeeded: RookeryError {
    RookeryError(
      .unauthenticated, "This needs a sign-in.",
      mend: "Send “Authorization: Bearer TOKEN”, or open a login link: “rookery login-link” prints one.")
  }
}
