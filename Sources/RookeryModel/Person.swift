import Foundation

/// Someone who uses Rookery.
public struct User: Sendable, Codable, Equatable, Identifiable {
  public var id: UserID
  public var name: String
  public var email: String
  public var role: Role
  public var created: Date

  public enum Role: String, Sendable, Codable, CaseIterable { case admin, member, viewer }

  public init(id: UserID, name: String, email: String, role: Role, created: Date) {
    self.id = id
    self.name = name
    self.email = email
    self.role = role
    self.created = created
  }

  public var author: Author { Author(user: id, name: name, email: email) }
}

/// The person who wrote a given prompt: the git identity of its commits.
public struct Author: Sendable, Codable, Hashable {
  public var user: UserID
  public var name: String
  public var email: String

  public init(user: UserID, name: String, email: String) {
    self.user = user
    self.name = name
    self.email = email
  }
}
