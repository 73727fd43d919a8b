import AsyncHTTPClient
import Crypto
import Foundation
import NIOCore
import NIOFoundationCompat
import NIOHTTP1
import RookeryModel

/// GitHub's OAuth for the people of an App: web flow, device flow, refresh, revocation. Its errors come with status 200.
package struct OAuthClient: Sendable {
  private let site: GitHubSite
  private let clientID: String
  private let clientSecret: Secret
  private let requester: GitHubRequester
  private let now: @Sendable () -> Date

  /// Throws `configurationInvalid` when the App has no client id and secret.
  package init(
    app: AppCredentials, site: GitHubSite, pacing: GitHubPacing = GitHubPacing(), now: @escaping @Sendable () -> Date = { Date() }
  ) throws {
    guard let id = app.clientID, let secret = app.clientSecret else {
      throw RookeryError(
        .configurationInvalid, "Nobody can sign in with GitHub: the App's client id and secret are not configured.",
        mend: "Set github.app.client_id and github.app.client_secret_file.")
    }
    (clientID, clientSecret) = (id, secret)
    self.site = site
    self.now = now
    requester = GitHubRequester(apiURL: site.api, client: GitHubClient.client, pacing: pacing)
  }

  /// A secret for PKCE.
  package static func makeVerifier() -> String { SymmetricKey(size: .bits256).withUnsafeBytes { Data($0).base64URL } }

  /// Where a browser goes to sign in.
  package func address(state: String, verifier: String, redirect: String) -> String {
    let challenge = Data(SHA256.hash(data: Data(verifier.utf8))).base64URL
    let query = [
      ("client_id", clientID), ("redirect_uri", redirect), ("state", state), ("code_challenge", challenge),
      ("code_challenge_method", "S256"),
    ]
    return site.web + GitHubRequest(.GET, "/login/oauth/authorize", query: query).target
  }

  /// Turns the code that a browser brought back into access.
  package func exchange(code: String, verifier: String, redirect: String) async throws -> UserAccess {
    try await grant([
      "client_secret": clientSecret.reveal(), "code": code, "redirect_uri": redirect, "code_verifier": verifier,
    ])
  }

  /// Uses up `refresh` and the token that came with it.
  package func renew(_ refresh: Secret) async throws -> UserAccess {
    try await grant([
      "client_secret": clientSecret.reveal(), "grant_type": "refresh_token", "refresh_token": refresh.reveal(),
    ])
  }

  package func beginDevice() async throws -> DeviceRequest {
    let answer = try await post("/login/device/code", ["client_id": clientID], as: Answer.self)
    if let error = answer.error { throw Self.refusal(error, answer.error_description) }
    guard let device = answer.device_code, let user = answer.user_code, let address = answer.verification_uri else {
      throw Self.refusal("an answer without a code", nil)
    }
    return DeviceRequest(
      deviceCode: Secret(device), userCode: user, address: address, expires: now().addingTimeInterval(Double(answer.expires_in ?? 900)),
      interval: answer.interval ?? 5)
  }

  /// Asks once whether the person has agreed. Throws when they refused, or the code is too old.
  package func pollDevice(_ code: Secret) async throws -> DeviceAnswer {
    let answer = try await post(
      "/login/oauth/access_token",
      [
        "client_id": clientID, "device_code": code.reveal(), "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
      ], as: Answer.self)
    switch answer.error {
    case "authorization_pending": return .pending(interval: answer.interval ?? 5)
    case "slow_down": return .pending(interval: answer.interval ?? 10)
    case let error?: throw Self.refusal(error, answer.error_description)
    case nil: return .granted(try access(of: answer))
    }
  }

  /// Ends a token at GitHub, and the refresh token with it. What is gone already is no failure.
  package func revoke(_ token: Secret) async throws {
    var request = GitHubRequest(
      .DELETE, "/applications/\(clientID)/token", body: try JSON.encode(["access_token": token.reveal()]))
    request.isBasic = true
    do {
      _ = try await requester.send(request, token: Secret("\(clientID):\(clientSecret.reveal())"), as: Ignored.self)
    } catch let failure as GitHubFailure where [404, 422].contains(failure.status) {
      return
    } catch let failure as GitHubFailure {
      throw failure.error(trying: "revoking a token")
    }
  }

  // MARK: Requests

  private struct Answer: Decodable, Sendable {
    var access_token: String?
    var expires_in: Int?
    var refresh_token: String?
    var refresh_token_expires_in: Int?
    var error: String?
    var error_description: String?
    var device_code: String?
    var user_code: String?
    var verification_uri: String?
    var interval: Int?
  }

  private func grant(_ fields: [String: String]) async throws -> UserAccess {
    let answer = try await post("/login/oauth/access_token", fields.merging(["client_id": clientID]) { $1 }, as: Answer.self)
    if let error = answer.error { throw Self.refusal(error, answer.error_description) }
    return try access(of: answer)
  }

  private func access(of answer: Answer) throws -> UserAccess {
    guard let token = answer.access_token, !token.isEmpty else { throw Self.refusal("an answer without a token", nil) }
    let now = now()
    return UserAccess(
      token: Secret(token), refresh: answer.refresh_token.map { Secret($0) },
      expires: answer.expires_in.map { now.addingTimeInterval(Double($0)) },
      refreshExpires: answer.refresh_token_expires_in.map { now.addingTimeInterval(Double($0)) })
  }

  private func post<Value: Decodable & Sendable>(_ path: String, _ fields: [String: String], as: Value.Type) async throws -> Value {
    var request = HTTPClientRequest(url: site.web + path)
    request.method = .POST
    request.headers = ["Accept": "application/json", "Content-Type": "application/json", "User-Agent": "rookery"]
    request.body = .bytes(ByteBuffer(data: try JSON.encode(fields)))
    do {
      let (response, body) = try await requester.exchange(request)
      guard response.status == .ok else {
        throw GitHubFailure(
          status: Int(response.status.code), headers: { response.headers.first(name: $0) }, body: body, now: now().timeIntervalSince1970)
      }
      do { return try JSONDecoder().decode(Value.self, from: body) } catch {
        throw GitHubFailure(unreachable: "its answer is not understood")
      }
    } catch let failure as GitHubFailure {
      throw failure.error(trying: "signing in")
    }
  }

  /// The words of RFC 6749 and RFC 8628 as people should read them.
  private static func refusal(_ error: String, _ description: String?) -> RookeryError {
    let context = "\(error): \(description ?? "")"
    func refused(_ code: ErrorCode, _ message: String, _ mend: String) -> RookeryError {
      RookeryError(code, message, mend: mend, context: context)
    }
    switch error {
    case "bad_verification_code", "expired_token":
      return refused(.unauthenticated, "The code of this sign-in is used or too old.", "Sign in again.")
    case "access_denied": return refused(.unauthenticated, "The sign-in was refused at GitHub.", "Sign in again and agree.")
    case "bad_refresh_token":
      return refused(.unauthenticated, "The access to GitHub has ended.", "Sign in with GitHub again.")
    case "incorrect_client_credentials":
      return refused(.configurationInvalid, "GitHub does not accept the App's client secret.", "Check github.app.client_secret_file.")
    case "redirect_uri_mismatch":
      return refused(
        .configurationInvalid, "The App does not allow this server's address for signing in.",
        "Add it as a callback URL in the App's settings: external_url and /login/github/callback.")
    case "device_flow_disabled":
      return refused(.configurationInvalid, "The App does not allow signing in from devices.", "Enable the device flow in its settings.")
    case "unverified_user_email":
      return refused(.unauthenticated, "The GitHub account has no verified address.", "Verify it at GitHub, then sign in again.")
    default: return refused(.unauthenticated, "GitHub refused the sign-in (\(error.prefix(80))).", "Sign in again.")
    }
  }
}
