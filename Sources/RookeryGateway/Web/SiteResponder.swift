import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import RookeryModel

/// Answers requests that a sandbox's programs meant for another host, over plain HTTP or over TLS that ended here.
struct SiteResponder: BrokerResponder {
  let services: WebServices
  let scheme: RemoteURL.Scheme
  /// The name in the TLS hello, which every request has to repeat; nil: plain HTTP, where each request names its own.
  let host: HostName?
  let port: Int
  let channel: any Channel

  func respond(to request: BrokerRequest, writer: AnswerWriter) async throws {
    let name = try await name(in: request)
    guard let decision = try services.grants.decision(request.sandbox, name, port: port) else {
      throw await refusal(request, name, "“\(name):\(port)” is not among the hosts of this repository. \(NetworkRefusal.mend)")
    }
    let number = services.live.add(request.sandbox, name, port: port, decision) { [channel] in channel.close(promise: nil) }
    defer { services.live.remove(number) }
    let destination = RemoteURL(scheme: scheme, name: name, port: port)
    if let git = try await gitRequest(request, destination, decision) { return try await services.git.respond(to: git, writer: writer) }
    let isRead = request.method == .GET || request.method == .HEAD
    switch decision.verdict(isRead: isRead, path: request.path, query: request.query) {
    case .refused(let reason): throw await refusal(request, name, "“\(name)”: \(reason)")
    case .asIs: try await forward(request, to: destination, headers(request, keepsCredentials: true), writer)
    case .stripped: try await forward(request, to: destination, headers(request, keepsCredentials: false), writer, keepsCookies: false)
    case .with(let header, let value):
      // On the wire in the clear it would be anybody's.
      guard scheme == .https else { throw await refusal(request, name, "“\(name)” bears a secret and is reached by https only.") }
      var headers = headers(request, keepsCredentials: false)
      headers.replaceOrAdd(name: header, value: value.reveal())
      // A cookie that answers the secret would be as good as it.
      try await forward(request, to: destination, headers, writer, keepsCookies: false)
    }
  }

  func failure(_ error: RookeryError, for request: BrokerRequest) -> BrokerAnswer {
    let status = error.code == .internal ? 502 : error.code == .unauthenticated ? 403 : error.code.httpStatus
    return .text(HTTPResponseStatus(statusCode: status), "Rookery: \(error.description)")
  }

  /// The host that the request names, in agreement with the connection's.
  private func name(in request: BrokerRequest) async throws -> HostName {
    let given = request.headers.first(name: "host") ?? ""
    var text = given[...]
    if let colon = text.lastIndex(of: ":") {
      guard Int(text[text.index(after: colon)...]) == port else {
        throw await refusal(request, host, "A request for port \(port) names another one in its Host header.")
      }
      text = text[..<colon]
    }
    guard let name = HostName(String(text)) else {
      throw await refusal(request, host, "“\(given.prefix(255).description.printable)” is an address or no name: name the host.")
    }
    guard host == nil || host == name else {
      throw await refusal(request, host, "A connection to “\(host?.text ?? "")” carries a request for “\(name)”.")
    }
    return name
  }

  private func refusal(_ request: BrokerRequest, _ name: HostName?, _ reason: String) async -> RookeryError {
    let host = name?.text ?? request.headers.first(name: "host") ?? ""
    await services.refusals.tell(request.sandbox, host: host, port: port, reason: reason, peer: SandboxPeer(channel))
    return RookeryError(.forbidden, reason)
  }

  // MARK: Git

  /// The same request as the git broker has it, where it is git's; nil for others.
  /// - Throws: `forbidden` when it is for a repository that is not the session's.
  private func gitRequest(_ request: BrokerRequest, _ destination: RemoteURL, _ decision: SiteDecision) async throws -> BrokerRequest? {
    guard decision.isIntercepted else { return nil }
    let services = ["/info/refs", "/git-upload-pack", "/git-receive-pack"]
    guard let service = services.first(where: { request.path.hasSuffix($0) }) else { return nil }
    let path = String(request.path.dropLast(service.count))
    guard decision.servesGit, let repository = try self.services.grants.repository(request.sandbox, at: destination, path: path) else {
      throw await refusal(request, HostName(destination.host), "“\(destination.host)\(path)” is not a repository of this session.")
    }
    var request = request
    request.path = "/\(repository).git\(service)"
    return request
  }

  // MARK: Forwarding

  private func forward(
    _ request: BrokerRequest, to destination: RemoteURL, _ headers: HTTPHeaders, _ writer: AnswerWriter, keepsCookies: Bool = true
  ) async throws {
    let suffix = request.query.map { "\(request.path)?\($0)" } ?? request.path
    let privateHosts = services.grants.privateHosts(request.sandbox)
    var reader = try BodyReader(request, limit: services.bounds.siteBody, decompress: false)
    let length = reader.length
    let hasBody = (length ?? 0) > 0 || !request.headers["transfer-encoding"].isEmpty
    guard hasBody else {
      return try await exchange(
        .init(method: request.method, suffix: suffix, headers: headers, body: .none), destination, privateHosts, writer, keepsCookies)
    }
    try await reader.stream { relay in
      try await exchange(
        .init(method: request.method, suffix: suffix, headers: headers, body: .stream(relay, length: length)), destination, privateHosts,
        writer, keepsCookies)
    }
  }

  private func exchange(
    _ request: Upstream.Request, _ destination: RemoteURL, _ privateHosts: [String], _ writer: AnswerWriter, _ keepsCookies: Bool
  ) async throws {
    try await services.upstream.send(request, to: destination, privateHosts: privateHosts) { response in
      var headers = HTTPHeaders()
      let dropped = Self.hopByHop(response.headers).union(keepsCookies ? [] : ["set-cookie", "set-cookie2"])
      for (name, value) in response.headers where !dropped.contains(name.lowercased()) { headers.add(name: name, value: value) }
      // Without a length there is nothing that tells the end of an answer that has no body, except the connection's.
      if request.method == .HEAD, !headers.contains(name: "content-length") { writer.closeAfterwards() }
      try await writer.begin(response.status, headers)
      if request.method != .HEAD { for try await part in response.body { try await writer.write(part) } }
      try await writer.end()
    }
  }

  private func headers(_ request: BrokerRequest, keepsCredentials: Bool) -> HTTPHeaders {
    let dropped = Self.hopByHop(request.headers).union(["host", "content-length", "expect", "te"])
    var headers = HTTPHeaders()
    for (name, value) in request.headers where !dropped.contains(name.lowercased()) {
      if keepsCredentials || !CredentialNames.isHeader(name) { headers.add(name: name, value: value) }
    }
    return headers
  }

  /// Headers that are about one connection only (RFC 9110, section 7.6.1).
  private static func hopByHop(_ headers: HTTPHeaders) -> Set<String> {
    let named = headers[canonicalForm: "connection"].map { $0.lowercased() }
    return Set(named).union([
      "connection", "keep-alive", "proxy-connection", "proxy-authenticate", "transfer-encoding", "upgrade", "trailer", "alt-svc",
    ])
  }
}
