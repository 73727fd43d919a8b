import AsyncHTTPClient
import Foundation
import Logging
import NIOCore
import NIOHTTP1
import RookeryModel

/// Serves exactly the repositories of a sandbox's grant, adding the credential that the sandbox never sees.
struct GitBroker: BrokerResponder {
  let grants: GrantBook
  let desk: CredentialDesk
  let upstream: Upstream
  let bounds: GatewayBounds
  let logger: Logger

  func respond(to request: BrokerRequest, writer: AnswerWriter) async throws {
    let route = try route(of: request)
    let access = try grants.git(request.sandbox, route.repository)
    logger.info(
      "git", metadata: ["sandbox": "\(request.sandbox)", "repository": "\(route.repository)", "service": "\(route.service.rawValue)"])
    switch (route.service, route.step) {
    case (.fetch, .advertisement):
      try await forward(request, route, access, body: .none, writer)
    case (.push, .advertisement):
      _ = try pushPolicy(of: access)
      try await forward(request, route, access, body: .none, writer)
    case (.fetch, .exchange):
      var body = try BodyReader(request, limit: bounds.fetchBody, decompress: false)
      let length = body.length
      try await body.stream { try await forward(request, route, access, body: .stream($0, length: length), writer) }
    case (.push, .exchange):
      try await push(request, route, access, writer)
    }
  }

  func failure(_ error: RookeryError, for request: BrokerRequest) -> BrokerAnswer {
    let text = error.description
    if let route = try? route(of: request), route.service == .fetch, route.step == .exchange { return GitAnswer.fetchError(text) }
    return .text(HTTPResponseStatus(statusCode: error.httpStatusForGit), text)
  }

  private func route(of request: BrokerRequest) throws -> GitRoute {
    try GitRoute(
      method: request.method, path: request.path, query: request.query, contentType: request.headers["content-type"])
  }

  private func pushPolicy(of access: GrantBook.GitAccess) throws -> PushPolicy {
    guard let ref = access.grant.pushRef else {
      throw RookeryError(.forbidden, "“\(access.grant.name)” may only be read here.")
    }
    return PushPolicy(ref: ref)
  }

  /// Forwards nothing before every command has been read and allowed.
  private func push(
    _ request: BrokerRequest, _ route: GitRoute, _ access: GrantBook.GitAccess, _ writer: AnswerWriter
  ) async throws {
    let policy = try pushPolicy(of: access)
    var body = try BodyReader(request, limit: bounds.pushBody, decompress: true)
    let (push, start) = try await commands(&body)
    if let refusals = policy.refusals(of: push) {
      logger.notice("Refused a push.", metadata: ["sandbox": "\(request.sandbox)", "refs": "\(push.commands.map(\.refText).prefix(20))"])
      // Git reads the answer after it has sent the pack.
      while try await body.next() != nil {}
      return try await writer.send(GitAnswer.refusal(refusals, capabilities: push.capabilities))
    }
    let length = body.length
    do {
      try await body.stream(startingWith: start) {
        try await forward(request, route, access, body: .stream($0, length: length), writer)
      }
    } catch let error as RookeryError where !writer.hasBegun && !push.commands.isEmpty {
      logger.notice(
        "A push failed.", metadata: ["sandbox": "\(request.sandbox)", "reason": "\(error.message)", "context": "\(error.context)"])
      let reason = error.description.replacing("\n", with: " ")
      try await writer.send(
        GitAnswer.refusal(push.commands.map { .init(ref: $0.ref, reason: reason) }, capabilities: push.capabilities))
    }
  }

  /// The commands at the start of a push, and the bytes that were read for them.
  private func commands(_ body: inout BodyReader) async throws -> (PushCommands, ByteBuffer) {
    var reader = PushCommandReader(limit: bounds.pushCommands)
    do {
      while let bytes = try await body.next() {
        if let push = try reader.feed(bytes.bytes) { return (push, ByteBuffer(bytes: reader.bytes)) }
      }
      throw PushCommands.Failure.malformed("no end of the commands")
    } catch PushCommands.Failure.malformed(let reason) {
      throw RookeryError(.badRequest, "The push is malformed: \(reason).")
    } catch PushCommands.Failure.tooLong {
      throw RookeryError(.tooLarge, "The push names too many refs.")
    }
  }

  private func forward(
    _ request: BrokerRequest, _ route: GitRoute, _ access: GrantBook.GitAccess, body: Upstream.Body, _ writer: AnswerWriter
  ) async throws {
    var headers = HTTPHeaders()
    let passed = ["accept", "accept-encoding", "accept-language", "content-type", "git-protocol", "user-agent"]
    for name in passed + (route.service == .fetch ? ["content-encoding"] : []) {
      if let value = request.headers.first(name: name) { headers.add(name: name, value: value) }
    }
    switch try await desk.ask(request.sandbox, route.repository, push: route.service == .push) {
    case .anonymous: break
    case .basic(let user, let password):
      let value = Data("\(user):\(password.reveal())".utf8).base64EncodedString()
      headers.add(name: "authorization", value: "Basic \(value)")
    case .reply: throw RookeryError(.internal, "A credential was answered with something else.")
    case .refused(let error): throw error
    }
    let outgoing = Upstream.Request(
      method: request.method, suffix: route.suffix, headers: headers, body: body)
    try await upstream.send(outgoing, to: access.remote, privateHosts: access.privateHosts) { response in
      try Self.check(response, route: route, host: access.remote.host)
      try await Self.relay(response, writer)
    }
  }

  private static func relay(_ response: HTTPClientResponse, _ writer: AnswerWriter) async throws {
    var headers = HTTPHeaders()
    for name in ["content-type", "content-encoding", "content-length", "cache-control", "expires", "pragma"] {
      if let value = response.headers.first(name: name) { headers.add(name: name, value: value) }
    }
    try await writer.begin(response.status, headers)
    for try await part in response.body { try await writer.write(part) }
    try await writer.end()
  }

  /// Turns whatever is not a git server's answer into a failure that says what to do.
  private static func check(_ response: HTTPClientResponse, route: GitRoute, host: String) throws {
    let name = route.repository
    switch response.status.code {
    case 200:
      let kind = route.step == .advertisement ? "advertisement" : "result"
      guard response.headers.first(name: "content-type") == "application/x-\(route.service.rawValue)-\(kind)" else {
        throw RookeryError(
          .unavailable, "What answers for “\(name)” at “\(host)” does not speak git's smart HTTP protocol.",
          mend: "Check the repository's URL.")
      }
    case 300..<400:
      let target = response.headers.first(name: "location").flatMap { try? RemoteURL(String($0.prefix { $0 != "?" })) }?.host ?? "elsewhere"
      throw RookeryError(
        .unavailable, "“\(host)” redirects “\(name)” to \(target); redirects are not followed.", mend: "Register the repository's new URL.")
    case 401, 403:
      throw RookeryError(
        .forbidden, "“\(host)” refused the credential for “\(name)” (\(response.status.code)).",
        mend: "Check the token of this repository in the server's configuration, and what it permits.")
    case 404:
      throw RookeryError(
        .notFound, "“\(host)” has no repository “\(name)”, or does not show it with this credential.",
        mend: "Check the repository's URL and token.")
    default:
      throw RookeryError(.unavailable, "“\(host)” answered \(response.status.code) for “\(name)”.", mend: "Try again.")
    }
  }
}

extension RookeryError {
  /// Git never gets a 401, which would make it ask for a user.
  fileprivate var httpStatusForGit: Int { code == .unauthenticated ? 403 : code == .internal ? 502 : code.httpStatus }
}
