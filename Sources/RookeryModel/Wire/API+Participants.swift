import Foundation

/// Bodies about the people of a session.
extension API {
  /// `GET /v1/sessions/{id}/participants`
  public struct People: Sendable, Codable, Equatable {
    public var access: SessionAccess
    public var participants: [Participant]
    /// Who follows the session at this moment.
    public var watching: [Author]
    public init(access: SessionAccess, participants: [Participant], watching: [Author]) {
      self.access = access
      self.participants = participants
      self.watching = watching
    }
  }

  /// `POST /v1/sessions/{id}/participants`: takes part by a link's secret.
  public struct JoinSession: Sendable, Codable, Equatable {
    public var secret: Secret
    public init(secret: Secret) { self.secret = secret }
  }

  /// `PATCH /v1/sessions/{id}/participants/{user}`
  public struct ChangeParticipant: Sendable, Codable, Equatable {
    public var role: SessionRole
    public init(role: SessionRole) { self.role = role }
  }

  /// `PATCH /v1/sessions/{id}`
  public struct ChangeSession: Sendable, Codable, Equatable {
    public var access: SessionAccess
    public init(access: SessionAccess) { self.access = access }
  }

  /// `POST /v1/sessions/{id}/invitations`
  public struct CreateInvitation: Sendable, Codable, Equatable {
    public var role: SessionRole
    /// Seconds that it is good for; a week when absent, 30 days at most.
    public var seconds: Int?
    /// How many people may join by it; 10 when absent.
    public var uses: Int?
    public init(role: SessionRole, seconds: Int? = nil, uses: Int? = nil) {
      self.role = role
      self.seconds = seconds
      self.uses = uses
    }
  }

  /// The answer: the only time that the link is shown.
  public struct NewInvitation: Sendable, Codable, Equatable {
    public var url: Secret
    public var invitation: Invitation
    public init(url: Secret, invitation: Invitation) {
      self.url = url
      self.invitation = invitation
    }
  }

  /// `GET /v1/sessions/{id}/invitations`
  public struct Invitations: Sendable, Codable, Equatable {
    public var invitations: [Invitation]
    public init(invitations: [Invitation]) { self.invitations = invitations }
  }

  /// `POST /v1/sessions/{id}/typing`
  public struct SayTyping: Sendable, Codable, Equatable {
    public var active: Bool
    public init(active: Bool) { self.active = active }
  }

  /// `POST /v1/sessions/{id}/permissions/{permission}`
  public struct AnswerPermission: Sendable, Codable, Equatable {
    /// The number of one of the options that the agent offers.
    public var option: Int
    public init(option: Int) { self.option = option }
  }
}
