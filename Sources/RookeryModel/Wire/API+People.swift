import Foundation

/// Bodies about people and what they hold.
extension API {
  /// `POST /v1/tokens`
  public struct CreateToken: Sendable, Codable, Equatable {
    /// What it is for, in its owner's words.
    public var purpose: String
    /// Good until revoked when absent.
    public var expires: Date?
    public init(purpose: String, expires: Date? = nil) {
      self.purpose = purpose
      self.expires = expires
    }
  }

  /// A token as its owner sees it after it was made.
  public struct Token: Sendable, Codable, Equatable {
    public var id: String
    public var purpose: String
    public var created: Date
    public var expires: Date?
    public init(id: String, purpose: String, created: Date, expires: Date?) {
      self.id = id
      self.purpose = purpose
      self.created = created
      self.expires = expires
    }
  }

  /// The answer to `POST /v1/tokens`: the only time that the secret is shown.
  public struct NewToken: Sendable, Codable, Equatable {
    public var secret: Secret
    public var token: Token
    public init(secret: Secret, token: Token) {
      self.secret = secret
      self.token = token
    }
  }

  /// `GET /v1/tokens`
  public struct Tokens: Sendable, Codable, Equatable {
    public var tokens: [Token]
    public init(tokens: [Token]) { self.tokens = tokens }
  }

  /// `POST /v1/login-links`
  public struct CreateLoginLink: Sendable, Codable, Equatable {
    /// Whose sign-in it is, by e-mail address; the caller's own when absent. Naming someone else takes an admin.
    public var email: String?
    /// The page that the link leads to, `/sessions/ID` for instance; home when absent.
    public var path: String?
    public init(email: String? = nil, path: String? = nil) {
      self.email = email
      self.path = path
    }
  }

  /// A link that signs one browser in, once.
  public struct LoginLink: Sendable, Codable, Equatable {
    public var url: Secret
    public var expires: Date
    public init(url: Secret, expires: Date) {
      self.url = url
      self.expires = expires
    }
  }
}
