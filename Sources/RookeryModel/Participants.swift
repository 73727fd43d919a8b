import Foundation

/// Who may see a session and work in it beside its participants.
public enum SessionAccess: String, Sendable, Codable, CaseIterable {
  /// Everyone who may work on this server: whoever prompts takes part.
  case team
  /// Everyone may watch; only participants work.
  case watch
  /// Participants only: for anyone else there is no such session.
  case closed = "private"
}

/// What someone may do in a session; each may do what those below may.
public enum SessionRole: String, Sendable, Codable, CaseIterable, Comparable {
  case viewer, collaborator, owner

  private var rank: Int {
    switch self {
    case .viewer: 0
    case .collaborator: 1
    case .owner: 2
    }
  }
  public static func < (left: Self, right: Self) -> Bool { left.rank < right.rank }
}

/// Someone who takes part in a session.
public struct Participant: Sendable, Codable, Equatable {
  public var person: Author
  public var role: SessionRole
  public var joined: Date
  public init(person: Author, role: SessionRole, joined: Date) {
    self.person = person
    self.role = role
    self.joined = joined
  }
}

/// A link by which people join a session; its secret is in the link alone.
public struct Invitation: Sendable, Codable, Equatable {
  public var id: String
  public var role: SessionRole
  public var by: UserID
  public var created: Date
  public var expires: Date
  /// How often it may still be used.
  public var uses: Int
  public init(id: String, role: SessionRole, by: UserID, created: Date, expires: Date, uses: Int) {
    self.id = id
    self.role = role
    self.by = by
    self.created = created
    self.expires = expires
    self.uses = uses
  }
}

/// Someone takes part in the session from now on, or as something else.
public struct ParticipantJoined: Sendable, Codable, Equatable {
  public var person: Author
  public var role: SessionRole
  /// Who let them in, where it was not by their own prompt.
  public var by: UserID?
  public init(person: Author, role: SessionRole, by: UserID? = nil) {
    self.person = person
    self.role = role
    self.by = by
  }
}

public struct ParticipantLeft: Sendable, Codable, Equatable {
  public var person: Author
  /// Who removed them; absent where they left.
  public var by: UserID?
  public init(person: Author, by: UserID? = nil) {
    self.person = person
    self.by = by
  }
}

/// The payload of the signal `watching`: who follows the session now, sent whole whenever it changes.
public struct Watching: Sendable, Codable, Equatable {
  public static let signal = "watching"
  public var people: [Author]
  public init(people: [Author]) { self.people = people }
}

/// The payload of the signal `typing`: someone writes a prompt. It holds for six seconds unless it comes again.
public struct Typing: Sendable, Codable, Equatable {
  public static let signal = "typing"
  public var person: Author
  /// False: they stopped.
  public var active: Bool
  public init(person: Author, active: Bool) {
    self.person = person
    self.active = active
  }
}
