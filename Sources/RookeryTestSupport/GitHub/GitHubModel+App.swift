import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import RookeryModel
import RookeryRehearsal
import Synchronization
import _CryptoExtras

/// What is asked as the App, and what its tokens may do.
extension GitHubModel {
  struct App: Sendable {
    var facts: GitHubDouble.App
    var key: _RSA.Signing.PublicKey
    var installation: Int64
    /// `owner/name` in lower case.
    var installedOn: Set<String>
    var permissions: [String: String]
    var unsettled = 0
  }

  private static let levels = ["read": 1, "write": 2, "admin": 3]

  /// The account behind a token that is good.
  func account(of token: String) -> Account? {
    state.withLock { state in
      guard let account = state.tokens[token] else { return nil }
      if let expires = account.expires, expires <= state.now { return nil }
      if account.unsettled > 0 {
        state.tokens[token]?.unsettled -= 1
        return nil
      }
      return account
    }
  }

  /// Whether a token's permissions reach so far.
  func permits(_ account: Account, _ permission: String, _ level: String) -> Bool {
    guard let permissions = account.permissions else { return true }
    return Self.levels[permissions[permission] ?? "", default: 0] >= Self.levels[level, default: 9]
  }

  /// Whether a token sees a repository at all.
  func sees(_ account: Account, _ repository: String) -> Bool {
    if let limited = account.repositories, !limited.contains(repository.lowercased()) { return false }
    guard !account.isInstallation, let person = state.withLock({ $0.people[account.login] }) else { return true }
    return person.push.contains(repository) || person.read.contains(repository)
  }

  /// Nil when the request is not one of the App's.
  func asApp(_ request: Request, _ parts: [String], _ token: String, _ body: ByteBuffer) -> Response? {
    if parts.first == "applications" { return revoke(request, parts, token, body) }
    if parts.first == "app-manifests" { return convert(request, parts) }
    let isMint = parts.count == 4 && parts[0] == "app" && parts[1] == "installations" && parts[3] == "access_tokens"
    let isLookup = parts.count == 4 && parts[0] == "repos" && parts[3] == "installation"
    guard isMint || isLookup || parts == ["app"] else { return nil }
    guard let app = state.withLock({ $0.app }) else { return Self.error(404, "Integration not found") }
    if let refusal = refusal(ofProof: token, app) { return Self.error(401, refusal) }
    switch (request.method, parts.count) {
    case (.get, 1):
      return Self.json(
        200,
        [
          "id": .integer(app.facts.id), "slug": .string(app.facts.slug), "name": "Rookery",
          "permissions": .object(app.permissions.mapValues { .string($0) }), "events": ["pull_request", "push"],
        ])
    case (.get, 4):
      guard app.installedOn.contains("\(parts[1])/\(parts[2])".lowercased()) else { return Self.error(404, "Not Found") }
      return Self.json(200, ["id": .integer(app.installation), "app_id": .integer(app.facts.id)])
    case (.post, 4): return mint(app, installation: parts[2], json(body))
    default: return nothing(request)
    }
  }

  private func mint(_ app: App, installation: String, _ body: JSONValue?) -> Response {
    guard installation == "\(app.installation)" else { return Self.error(404, "Not Found") }
    guard let body, conforms(body, to: ["repositories": "array", "repository_ids": "array", "permissions": "object"], required: []) else {
      return Self.error(422, "Invalid request.")
    }
    guard let names = body["repositories"]?.array?.compactMap(\.string), !names.isEmpty, names.count <= 500 else {
      return violation("a token for every repository", Self.error(422, "Invalid request."))
    }
    guard case .object(let wished)? = body["permissions"], !wished.isEmpty else {
      return violation("a token with every permission", Self.error(422, "Invalid request."))
    }
    let permissions = wished.compactMapValues(\.string)
    let granted = permissions.allSatisfy { Self.levels[app.permissions[$0.key] ?? "", default: 0] >= Self.levels[$0.value, default: 9] }
    guard granted else { return Self.error(422, "The permissions requested are not granted to this installation.") }
    let repositories = Set(names.compactMap { name in app.installedOn.first { $0.hasSuffix("/" + name.lowercased()) } })
    guard repositories.count == names.count else {
      return Self.error(422, "There is at least one repository that does not exist or is not accessible to the parent installation.")
    }
    return state.withLock { state in
      // As they are since April 2026: opaque and long.
      let token = "ghs_\(app.facts.id)_" + Self.random(500)
      state.tokens[token] = Account(
        login: "\(app.facts.slug)[bot]", mayWrite: true, permissions: permissions.merging(["metadata": "read"]) { $1 },
        repositories: repositories, expires: state.now + 3600, unsettled: app.unsettled, isInstallation: true)
      state.issued.append(token)
      let expires = Date(timeIntervalSince1970: state.now + 3600).formatted(.iso8601)
      return Self.json(
        201,
        [
          "token": .string(token), "expires_at": .string(expires), "permissions": .object(wished), "repository_selection": "selected",
        ])
    }
  }

  /// Why GitHub would not accept the proof; nil when it would.
  private func refusal(ofProof token: String, _ app: App) -> String? {
    let parts = token.split(separator: ".").map(String.init)
    guard parts.count == 3, let header = Self.part(parts[0]), let claims = Self.part(parts[1]), let bytes = Self.bytes(parts[2]) else {
      return "A JSON web token could not be decoded"
    }
    guard header["alg"]?.string == "RS256",
      app.key.isValidSignature(.init(rawRepresentation: bytes), for: Data("\(parts[0]).\(parts[1])".utf8), padding: .insecurePKCS1v1_5)
    else { return "A JSON web token could not be decoded" }
    guard claims["iss"]?.string == "\(app.facts.id)" || claims["iss"]?.integer == app.facts.id else { return "Integration not found" }
    let now = state.withLock { $0.now }
    guard let issued = claims["iat"]?.integer, Double(issued) <= now else {
      return "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"
    }
    guard let ends = claims["exp"]?.integer, Double(ends) > now else {
      return "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires"
    }
    guard ends - issued <= 600 else { return "'Expiration time' claim ('exp') is too far in the future" }
    return nil
  }

  private static func part(_ text: String) -> JSONValue? { bytes(text).flatMap { try? JSON.decode(JSONValue.self, from: $0) } }

  static func bytes(_ text: String) -> Data? {
    let plain = text.replacing("-", with: "+").replacing("_", with: "/")
    return Data(base64Encoded: plain + String(repeating: "=", count: (4 - plain.count % 4) % 4))
  }

  static func random(_ count: Int) -> String {
    String((0..<count).map { _ in "abcdefghijklmnopqrstuvwxyz0123456789".randomElement() ?? "a" })
  }

  // MARK: Git

  /// Git itself, for whoever's token may read or write the repository.
  func serve(_ git: GitHTTPBackend, _ request: Request, _ context: BasicRequestContext) async throws -> Response {
    let path = request.uri.path
    state.withLock { $0.requests.append("\(request.method.rawValue) \(path)") }
    guard let end = path.range(of: ".git/") else { return Self.error(404, "Not Found") }
    let repository = String(path[..<end.lowerBound].dropFirst())
    let isPush = path.hasSuffix("/git-receive-pack") || request.uri.queryParameters["service"] == "git-receive-pack"
    let encoded = request.headers[.authorization].flatMap { $0.hasPrefix("Basic ") ? String($0.dropFirst(6)) : nil } ?? ""
    let pair = Data(base64Encoded: encoded).map { String(decoding: $0, as: UTF8.self) }?.split(separator: ":", maxSplits: 1).map(
      String.init)
    guard let pair, pair.count == 2, let account = account(of: pair[1]) else {
      return Response(status: .unauthorized, headers: [.wwwAuthenticate: "Basic realm=\"GitHub\""])
    }
    if account.isInstallation, pair[0] != "x-access-token" { note("git with an App's token and the user \(pair[0])") }
    guard sees(account, repository) else { return Response(status: .notFound) }
    guard permits(account, "contents", isPush ? "write" : "read") else { return Response(status: .forbidden) }
    return try await git.respond(to: request, context: context)
  }
}
