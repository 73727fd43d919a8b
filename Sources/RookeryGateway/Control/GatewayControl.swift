import Foundation
import Glibc
import Logging
import RookeryControl
import RookeryModel

/// Answers requests at the gateway's control socket. Who may ask what is decided by the peer's user.
struct GatewayControl: Sendable {
  let settings: GatewaySettings
  let grants: GrantBook
  let desk: CredentialDesk
  let spool: UsageSpool
  let reports: ReportSpool
  let sockets: SocketDesk
  let live: LiveConnections
  let adoptions: Adoptions
  let logger: Logger

  /// Seconds that a request may wait at most, whatever it asks for.
  private static let longestWait = 300

  /// Owns `descriptors`.
  func answer(_ request: Data, from peer: PeerCredentials, descriptors: [Int32]) async throws -> Data {
    let request: GatewayRequest = try keeping(descriptors) { try JSON.decode(GatewayRequest.self, from: request) }
    try keeping(descriptors) { try check(request, from: peer) }
    if case .adopt(let sandbox, let sockets) = request {
      try await adoptions.adopt(sandbox, sockets, descriptors)
      logger.info("Adopted a sandbox.", metadata: ["sandbox": "\(sandbox)"])
      return try JSON.encode(GatewayResponse.done)
    }
    descriptors.forEach { close($0) }
    return try JSON.encode(try await answer(request))
  }

  private func answer(_ request: GatewayRequest) async throws -> GatewayResponse {
    switch request {
    case .hello(let version):
      guard version == GatewayService.version else {
        throw RookeryError(
          .badRequest, "The gateway speaks version \(GatewayService.version) of its protocol, not \(version).",
          mend: "Restart every Rookery process after an upgrade.")
      }
      return .hello(version: GatewayService.version)
    case .adopt: throw RookeryError(.internal, "An adoption without its descriptors.")
    case .release(let sandbox):
      await adoptions.release(sandbox)
      logger.info("Released a sandbox.", metadata: ["sandbox": "\(sandbox)"])
    case .adopted: return .adopted(await adoptions.sandboxes)
    case .grant(let grant):
      try grants.put(grant, spent: await spool.uncollected(grant.sandbox))
      live.review(grant.sandbox)
    case .revoke(let sandbox):
      grants.revoke(sandbox)
      live.review(sandbox)
    case .nextQuestions(let wait): return .questions(await desk.questions(wait: bounded(wait)))
    case .answer(let number, let answer): await desk.answer(number, answer)
    case .usage(let after, let wait): return .usage(await spool.collect(after: after, wait: bounded(wait)))
    case .nextSockets(let wait): return .sockets(await sockets.questions(wait: bounded(wait)))
    case .socketOwner(let number, let program): await sockets.answer(number, program)
    case .reports(let after, let wait): return .reports(await reports.collect(after: after, wait: bounded(wait)))
    }
    return .done
  }

  private func check(_ request: GatewayRequest, from peer: PeerCredentials) throws {
    let allowed: Set<UInt32> =
      switch request {
      case .hello: [settings.hostUser, settings.serveUser]
      case .adopt, .release, .adopted, .nextSockets, .socketOwner: [settings.hostUser]
      case .grant, .revoke, .nextQuestions, .answer, .usage, .reports: [settings.serveUser]
      }
    guard allowed.contains(peer.uid) else {
      throw RookeryError(.forbidden, "User \(peer.uid) may not ask this of the gateway.")
    }
  }

  private func bounded(_ seconds: Int) -> Duration { .seconds(min(max(seconds, 0), Self.longestWait)) }

  /// Closes `descriptors` when `body` fails.
  private func keeping<Value>(_ descriptors: [Int32], _ body: () throws -> Value) throws -> Value {
    do { return try body() } catch {
      descriptors.forEach { close($0) }
      throw error
    }
  }
}
