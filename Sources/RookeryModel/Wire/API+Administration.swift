import Foundation

/// Bodies about what admins look after.
extension API {
  /// `GET /v1/users`, the oldest first
  public struct Users: Sendable, Codable, Equatable {
    public var users: [User]
    public init(users: [User]) { self.users = users }
  }

  /// `POST /v1/users/{id}/role`
  public struct SetRole: Sendable, Codable, Equatable {
    public var role: User.Role
    public init(role: User.Role) { self.role = role }
  }

  /// `GET /v1/audit?after=seq`
  public struct Audit: Sendable, Codable, Equatable {
    public var entries: [AuditEntry]
    public init(entries: [AuditEntry]) { self.entries = entries }
  }

  /// The answer to `POST /v1/secrets/rotate`
  public struct Rotation: Sendable, Codable, Equatable {
    /// The id of the key that everything is encrypted under now.
    public var key: String
    /// How many secrets were encrypted anew.
    public var secrets: Int
    public init(key: String, secrets: Int) {
      self.key = key
      self.secrets = secrets
    }
  }
}
