import Crypto
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import RookeryModel
import Synchronization

/// OAuth as GitHub does it: its errors come with status 200, refresh tokens work once.
extension GitHubModel {
  struct SignIn: Sendable {
    struct Code: Sendable {
      var login: String
      var challenge: String
      var redirect: String
    }
    struct Device: Sendable {
      var userCode: String
      var login: String?
      var isRefused = false
      var lastAsked = 0.0
      var interval = 5.0
      var expires: Double
    }
    var codes: [String: Code] = [:]
    var devices: [String: Device] = [:]
    /// Refresh token by access token, and the other way round.
    var access: [String: String] = [:]
    var refresh: [String: String] = [:]
    var refreshes = 0
    var lifetime = 28_800.0
    /// Seconds between two questions of a device.
    var interval = 5.0
  }

  func authorize(_ address: String, as login: String) throws -> (code: String, state: String) {
    let query = URLComponents(string: address)?.queryItems ?? []
    func value(_ name: String) -> String? { query.first { $0.name == name }?.value }
    let app = state.withLock { $0.app }
    guard address.contains("/login/oauth/authorize?"), value("client_id") == app?.facts.clientID, let state = value("state"),
      !state.isEmpty,
      let redirect = value("redirect_uri"), let challenge = value("code_challenge"), value("code_challenge_method") == "S256"
    else { throw Command.Failed(description: "not an address to authorize at: \(address)") }
    let code = Self.random(20)
    self.state.withLock { $0.signIn.codes[code] = .init(login: login, challenge: challenge, redirect: redirect) }
    return (code, state)
  }

  func signIn(_ request: Request, _ body: ByteBuffer) -> Response {
    guard request.headers[.accept] == "application/json", request.headers[.contentType] == "application/json", request.method == .post
    else { return violation("\(request.method.rawValue) \(request.uri.path) that asks for no JSON", Self.error(406, "Not acceptable")) }
    guard let fields = json(body), let app = state.withLock({ $0.app }) else { return Self.error(404, "Not Found") }
    func text(_ name: String) -> String { fields[name]?.string ?? "" }
    guard text("client_id") == app.facts.clientID else { return oauthError("incorrect_client_credentials") }
    if request.uri.path == "/login/device/code" { return beginDevice() }
    guard request.uri.path == "/login/oauth/access_token" else { return nothing(request) }
    if text("grant_type") == "urn:ietf:params:oauth:grant-type:device_code" { return pollDevice(text("device_code")) }
    guard text("client_secret") == app.facts.clientSecret else { return oauthError("incorrect_client_credentials") }
    if text("grant_type") == "refresh_token" { return refresh(text("refresh_token")) }
    guard let code = state.withLock({ $0.signIn.codes.removeValue(forKey: text("code")) }) else {
      return oauthError("bad_verification_code")
    }
    let challenge = Data(SHA256.hash(data: Data(text("code_verifier").utf8))).base64EncodedString()
      .replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    guard challenge == code.challenge else { return oauthError("bad_verification_code") }
    guard text("redirect_uri") == code.redirect else { return oauthError("redirect_uri_mismatch") }
    return issue(to: code.login)
  }

  private func oauthError(_ code: String, interval: Int? = nil) -> Response {
    var members: [String: JSONValue] = ["error": .string(code), "error_description": "No.", "error_uri": "https://docs.github.com"]
    if let interval { members["interval"] = .integer(Int64(interval)) }
    return Self.json(200, .object(members))
  }

  private func issue(to login: String) -> Response {
    state.withLock { state in
      let (token, refresh) = ("ghu_" + Self.random(36), "ghr_" + Self.random(76))
      state.tokens[token] = Account(
        login: login, mayWrite: true, permissions: state.app?.permissions, repositories: state.app?.installedOn,
        expires: state.now + state.signIn.lifetime)
      state.signIn.access[token] = refresh
      state.signIn.refresh[refresh] = token
      state.issued += [token, refresh]
      return Self.json(
        200,
        [
          "access_token": .string(token), "expires_in": .integer(Int64(state.signIn.lifetime)), "refresh_token": .string(refresh),
          "refresh_token_expires_in": 15_811_200, "scope": "", "token_type": "bearer",
        ])
    }
  }

  private func refresh(_ refresh: String) -> Response {
    let login: String? = state.withLock { state in
      state.signIn.refreshes += 1
      guard let token = state.signIn.refresh.removeValue(forKey: refresh) else { return nil }
      state.signIn.access[token] = nil
      return state.tokens.removeValue(forKey: token)?.login
    }
    guard let login else { return oauthError("bad_refresh_token") }
    return issue(to: login)
  }

  private func beginDevice() -> Response {
    state.withLock { state in
      let (device, user) = (Self.random(40), "\(Self.random(4).uppercased())-\(Self.random(4).uppercased())")
      state.signIn.devices[device] = .init(userCode: user, interval: state.signIn.interval, expires: state.now + 900)
      return Self.json(
        200,
        [
          "device_code": .string(device), "user_code": .string(user), "verification_uri": "https://github.com/login/device",
          "expires_in": 900, "interval": .integer(Int64(state.signIn.interval)),
        ])
    }
  }

  private func pollDevice(_ code: String) -> Response {
    enum Outcome { case error(String, Int?), granted(String) }
    let outcome: Outcome = state.withLock { state in
      guard var device = state.signIn.devices[code] else { return .error("incorrect_device_code", nil) }
      guard device.expires > state.now else { return .error("expired_token", nil) }
      defer { state.signIn.devices[code] = device }
      if state.now - device.lastAsked < device.interval - 0.05 {
        device.interval += 5
        return .error("slow_down", Int(device.interval))
      }
      device.lastAsked = state.now
      if device.isRefused { return .error("access_denied", nil) }
      guard let login = device.login else { return .error("authorization_pending", nil) }
      device.expires = 0
      return .granted(login)
    }
    switch outcome {
    case .error(let code, let interval): return oauthError(code, interval: interval)
    case .granted(let login): return issue(to: login)
    }
  }

  func revoke(_ request: Request, _ parts: [String], _ credential: String, _ body: ByteBuffer) -> Response {
    guard request.method == .delete, parts.count == 3, parts[2] == "token", let app = state.withLock({ $0.app }) else {
      return nothing(request)
    }
    let expected = Data("\(app.facts.clientID):\(app.facts.clientSecret)".utf8).base64EncodedString()
    guard parts[1] == app.facts.clientID, credential == expected else { return Self.error(404, "Not Found") }
    guard let token = json(body)?["access_token"]?.string else { return Self.error(422, "Invalid request.") }
    return state.withLock { state in
      guard state.tokens.removeValue(forKey: token) != nil else { return Self.error(404, "Not Found") }
      if let refresh = state.signIn.access.removeValue(forKey: token) { state.signIn.refresh[refresh] = nil }
      return Response(status: .noContent)
    }
  }

  /// The end of the manifest flow: a code becomes an App.
  func convert(_ request: Request, _ parts: [String]) -> Response {
    guard request.method == .post, parts.count == 3, parts[2] == "conversions", let app = state.withLock({ $0.app }) else {
      return nothing(request)
    }
    guard parts[1] == "manifest-code" else { return Self.error(404, "Not Found") }
    return Self.json(
      201,
      [
        "id": .integer(app.facts.id), "slug": .string(app.facts.slug), "client_id": .string(app.facts.clientID),
        "client_secret": .string(app.facts.clientSecret), "webhook_secret": .string(app.facts.webhookSecret),
        "pem": .string(app.facts.privateKey), "html_url": "https://github.com/apps/rookery-test",
      ])
  }
}
