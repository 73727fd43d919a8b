import Foundation

/// A line of the audit log: who did what, when, from where.
public struct AuditEntry: Sendable, Codable, Equatable {
  public enum Action: String, Sendable, Codable, CaseIterable {
    case signedIn = "sign_in"
    case signInRefused = "sign_in.refused"
    case signedOut = "sign_out"
    case accountLinked = "account.linked"
    case tokenIssued = "token.issued"
    case tokenRevoked = "token.revoked"
    case loginLinkIssued = "login_link.issued"
    case userCreated = "user.created"
    case roleChanged = "role.changed"
    case accessMinted = "access.minted"
    case accessRenewed = "access.renewed"
    case pullRequestOpened = "pull_request.opened"
    case secretSet = "secret.set"
    case secretRemoved = "secret.removed"
    case secretUsed = "secret.used"
    case keysRotated = "keys.rotated"
    case repositoryAdded = "repository.added"
    case repositoryRemoved = "repository.removed"
    case installationChanged = "installation.changed"
    case appCreated = "app.created"
    case settingsChanged = "settings.changed"
    case sessionStarted = "session.started"
    /// Written by a newer version than this one.
    case other
  }

  public var seq: Int64
  public var at: Date
  /// Absent where the server acted by itself.
  public var actor: UserID?
  /// The actor's name at that time.
  public var name: String
  public var action: Action
  /// What it was done to.
  public var subject: String
  /// The address that it came from, or `socket`, `github`, `server`.
  public var origin: String
  public var detail: [String: String]

  public init(
    seq: Int64, at: Date, actor: UserID?, name: String, action: Action, subject: String, origin: String, detail: [String: String]
  ) {
    self.seq = seq
    self.at = at
    self.actor = actor
    self.name = name
    self.action = action
    self.subject = subject
    self.origin = origin
    self.detail = detail
  }
}
