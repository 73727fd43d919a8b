import Foundation
import Logging
import RookeryModel
import RookeryStore

/// People's own tokens: encrypted at rest, decrypted for a call, renewed in one place per person, since a refresh token works once
/// and ends the pair before it.
package actor UserTokens {
  /// Seconds of life that a token must still have to be handed out.
  private static let margin: TimeInterval = 300

  private let vault: SecretVault
  private let oauth: OAuthClient
  private let now: @Sendable () -> Date
  private let onRenewal: @Sendable (UserID) async -> Void
  private let logger: Logger
  private var renewing: [UserID: Task<Secret?, any Error>] = [:]

  package init(
    vault: SecretVault, oauth: OAuthClient, logger: Logger, now: @escaping @Sendable () -> Date = { Date() },
    onRenewal: @escaping @Sendable (UserID) async -> Void = { _ in }
  ) {
    self.vault = vault
    self.oauth = oauth
    self.logger = logger
    self.now = now
    self.onRenewal = onRenewal
  }

  /// Keeps what a sign-in brought.
  package func set(_ access: UserAccess, for user: UserID) async throws {
    try await vault.set(access, as: user.rawValue, in: .account)
  }

  /// A token of this person's that is good for some minutes; nil when they have none, or theirs has ended.
  /// Any number of callers at once cause one renewal.
  package func token(of user: UserID) async throws -> Secret? {
    // Whoever comes while a renewal runs waits for it: what is stored is about to end.
    if let running = renewing[user] { return try await running.value }
    guard let access = try await access(of: user) else { return nil }
    if isGood(access) { return access.token }
    if let running = renewing[user] { return try await running.value }
    let task = Task { try await self.renew(user) }
    renewing[user] = task
    defer { if renewing[user] == task { renewing[user] = nil } }
    return try await task.value
  }

  /// Ends a person's access here and at GitHub. Here it ends in any case.
  package func revoke(_ user: UserID) async {
    do {
      let access = try await access(of: user)
      try await vault.remove(user.rawValue, in: .account)
      if let access { try await oauth.revoke(access.token) }
    } catch {
      logger.warning("a token could not be revoked at GitHub", metadata: ["user": "\(user)", "error": "\(error)"])
    }
  }

  /// Whether there is access to renew or use.
  package func isLinked(_ user: UserID) async throws -> Bool { try await access(of: user) != nil }

  private func access(of user: UserID) async throws -> UserAccess? {
    try await vault.get(UserAccess.self, user.rawValue, in: .account)
  }

  private func isGood(_ access: UserAccess) -> Bool {
    access.expires.map { $0.timeIntervalSince(now()) > Self.margin } ?? true
  }

  private func renew(_ user: UserID) async throws -> Secret? {
    // Read again: an earlier renewal may have ended between the look and this.
    guard let access = try await access(of: user) else { return nil }
    if isGood(access) { return access.token }
    guard let refresh = access.refresh, access.refreshExpires.map({ $0 > now() }) ?? true else {
      try await vault.remove(user.rawValue, in: .account)
      return nil
    }
    do {
      let renewed = try await oauth.renew(refresh)
      // Before anyone uses it: the old pair is worthless from now on.
      try await vault.set(renewed, as: user.rawValue, in: .account)
      await onRenewal(user)
      return renewed.token
    } catch let error as RookeryError where error.code == .unauthenticated {
      logger.notice("a person's access to GitHub has ended", metadata: ["user": "\(user)", "cause": "\(error.context)"])
      try await vault.remove(user.rawValue, in: .account)
      return nil
    }
  }
}
