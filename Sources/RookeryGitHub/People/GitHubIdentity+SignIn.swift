import Foundation
import RookeryConfiguration
import RookeryModel
import RookeryStore

/// Signing people in with GitHub, and linking their accounts.
extension GitHubIdentity {
  /// Somebody who proved who they are at GitHub.
  package struct Admitted: Sendable {
    package var user: User
    package var login: String
    package var isNew: Bool
  }

  private func oauth() throws -> OAuthClient {
    guard let oauth = connection?.oauth else {
      throw RookeryError(
        .conflict, "Nobody can sign in with GitHub here: no App is configured for it.", mend: "Run “rookery github setup”.")
    }
    return oauth
  }

  /// Where a browser is sent, and the state that it must bring back.
  /// - Parameters:
  ///   - user: Who links an account; nil: somebody signs in.
  ///   - redirect: Our address that GitHub sends the browser to.
  package func beginSignIn(path: String, user: UserID?, redirect: String) async throws -> (address: String, state: String) {
    let oauth = try oauth()
    let verifier = OAuthClient.makeVerifier()
    let state = try await registry.beginSignIn(verifier: verifier, path: path, user: user, now: now())
    return (oauth.address(state: state, verifier: verifier, redirect: redirect), state)
  }

  /// What a browser brought back from GitHub. The state is good once.
  package func finishSignIn(
    code: String, state: String, redirect: String, origin: String
  ) async throws -> (Admitted, path: String) {
    guard let begun = try await registry.takeSignIn(state: state, now: now()) else {
      throw RookeryError(.unauthenticated, "This sign-in was used already, or took longer than ten minutes.", mend: "Sign in again.")
    }
    let access = try await oauth().exchange(code: code, verifier: begun.verifier, redirect: redirect)
    return (try await admit(access, as: begun.user, origin: origin), begun.path)
  }

  package func beginDevice() async throws -> DeviceRequest { try await oauth().beginDevice() }

  /// Nil while the person has not agreed so far.
  package func pollDevice(_ code: Secret, origin: String) async throws -> (admitted: Admitted?, interval: Int) {
    switch try await oauth().pollDevice(code) {
    case .pending(let interval): return (nil, interval)
    case .granted(let access): return (try await admit(access, as: nil, origin: origin), 0)
    }
  }

  /// Ends a person's access to GitHub and forgets what they may do.
  package func revokeAccess(of user: UserID) async {
    rights.forget(user)
    await connection?.users?.revoke(user)
  }

  /// Whether the person's account is linked and its access good.
  package func linkedLogin(of user: UserID) async throws -> String? {
    guard let users = connection?.users, try await users.isLinked(user) else { return nil }
    return try await registry.account(of: user)?.login
  }

  // MARK: Admission

  private func admit(_ access: UserAccess, as linking: UserID?, origin: String) async throws -> Admitted {
    let profile = try await reader.profile(access.token)
    let admitted: Admitted
    do {
      admitted = try await person(profile, access.token, linking)
    } catch let error as RookeryError {
      try? await connection?.oauth?.revoke(access.token)
      try await registry.audit(
        .signInRefused, by: nil, subject: profile.login, origin: origin, detail: ["cause": error.message])
      throw error
    }
    try await connection?.users?.set(access, for: admitted.user.id)
    rights.forget(admitted.user.id)
    if admitted.isNew {
      try await registry.audit(
        .userCreated, by: admitted.user, subject: admitted.user.email, origin: origin, detail: ["role": admitted.user.role.rawValue])
    }
    try await registry.audit(
      linking == nil ? .signedIn : .accountLinked, by: admitted.user, subject: profile.login, origin: origin, detail: ["by": "github"])
    return admitted
  }

  private func person(_ profile: GitHubReader.Profile, _ token: Secret, _ linking: UserID?) async throws -> Admitted {
    if let linking {
      try await registry.link(number: profile.number, login: profile.login, to: linking, now: now())
      return Admitted(user: try await registry.user(linking), login: profile.login, isNew: false)
    }
    let known = try await registry.account(number: profile.number)
    let isFirst = try await !registry.hasLinkedAdmin()
    var mayJoin = known != nil || isFirst
    if !mayJoin { mayJoin = try await belongs(profile, token) }
    guard mayJoin else {
      throw RookeryError(
        .forbidden, "The GitHub account \(profile.login) may not use this server.",
        mend: "Ask an admin: github.sign_in says whose accounts may.")
    }
    var (user, isNew) = try await user(for: profile, known)
    try await registry.link(number: profile.number, login: profile.login, to: user.id, now: now())
    if user.role != .admin, isFirst || settings.signIn.admins.contains(where: { $0.lowercased() == profile.login.lowercased() }) {
      user = try await registry.setRole(.admin, of: user.id)
      try await registry.audit(
        .roleChanged, by: nil, subject: user.email,
        detail: ["role": "admin", "why": isFirst ? "first to sign in" : "github.sign_in.admins"])
    }
    return Admitted(user: user, login: profile.login, isNew: isNew)
  }

  /// The user of a linked account; else the one with the account's verified address, unless they have another account; else a new one.
  private func user(for profile: GitHubReader.Profile, _ known: LinkedAccount?) async throws -> (User, isNew: Bool) {
    if let known { return (try await registry.user(known.user), false) }
    if profile.isVerified, let user = try await registry.user(email: profile.email), try await registry.account(of: user.id) == nil {
      return (user, false)
    }
    let isTaken = try await registry.user(email: profile.email) != nil
    let email = isTaken ? "\(profile.number)+\(profile.login)@users.noreply.github.com" : profile.email
    do { return (try await registry.createUser(name: profile.name, email: email, role: .member), true) } catch let error as RookeryError
      where error.code == .badRequest
    {
      // A name that git can't hold.
      return (try await registry.createUser(name: profile.login, email: email, role: .member), true)
    }
  }

  private func belongs(_ profile: GitHubReader.Profile, _ token: Secret) async throws -> Bool {
    let rules = settings.signIn
    if (rules.logins + rules.admins).contains(where: { $0.lowercased() == profile.login.lowercased() }) { return true }
    for group in rules.organisations + rules.teams where try await reader.isMember(of: group, login: profile.login, token) {
      return true
    }
    return false
  }
}
