import Foundation
import RookeryModel
import RookeryStore

/// Who takes part in the session, and as what.
extension LiveSession {
  static let maximumParticipants = 200
  private static let maximumInvitations = 50

  /// With the owner first.
  var participants: [Participant] {
    meta.participants ?? [Participant(person: meta.owner, role: .owner, joined: meta.created)]
  }

  /// What `user` may do here; nil: for them there is no such session.
  func role(of user: User) -> SessionRole? { summary.role(of: user) }

  /// Throws `notFound`, as for a session that does not exist, or `forbidden`.
  func admit(_ user: User, as needed: SessionRole) throws {
    guard let role = role(of: user) else { throw Self.unknown(id) }
    guard role >= needed else {
      throw RookeryError(
        .forbidden, "You are a \(role.rawValue) of this session; this takes a \(needed.rawValue).",
        mend: "Ask its owner, \(meta.owner.name).")
    }
  }

  /// The same for a session that is hidden and one that is not there.
  static func unknown(_ id: SessionID) -> RookeryError {
    RookeryError(.notFound, "There is no session “\(id)”.", mend: "“rookery sessions” lists those you may see.")
  }

  /// Whoever prompts takes part. Returns the events; the change is stored with them.
  func joinByPrompting(_ person: Author) -> [EventPayload] {
    guard !participants.contains(where: { $0.person.user == person.user }), participants.count < Self.maximumParticipants else { return [] }
    meta.participants = participants + [Participant(person: person, role: .collaborator, joined: Date())]
    return [.participantJoined(.init(person: person, role: .collaborator))]
  }

  /// Lets `person` in as `role`, or raises their role to it. Nothing happens when they are that already.
  private func join(_ person: Author, as role: SessionRole, by: UserID) throws -> [EventPayload] {
    var people = participants
    if let place = people.firstIndex(where: { $0.person.user == person.user }) {
      guard people[place].role < role else { return [] }
      people[place].role = role
    } else {
      guard people.count < Self.maximumParticipants else {
        throw RookeryError(.conflict, "The session has \(people.count) participants: no more fit.", mend: "Remove some.")
      }
      people.append(Participant(person: person, role: role, joined: Date()))
    }
    meta.participants = people
    return [.participantJoined(.init(person: person, role: role, by: by))]
  }

  /// Takes part by the secret of a link. Throws `notFound` when it is unknown, used up, revoked or expired.
  func join(by secret: Secret, _ user: User) throws {
    let hash = InvitationSecret.hash(secret)
    guard var invitation = try store.read({ try $0.invitation(hash: hash) }), invitation.expires > Date(), invitation.uses > 0 else {
      throw Self.unknown(id)
    }
    let role = user.role == .viewer ? .viewer : invitation.role
    let events = try join(user.author, as: role, by: invitation.by)
    guard !events.isEmpty else { return }
    invitation.uses -= 1
    try commit(events, turn: nil) { transaction in
      try transaction.setInvitation(invitation, hash: hash)
      return []
    }
  }

  func invite(_ request: API.CreateInvitation, by user: User) throws -> (Invitation, Secret) {
    guard request.role < .owner else {
      throw RookeryError(.badRequest, "A link can't make owners.", mend: "Invite a collaborator, then change their role.")
    }
    let (seconds, uses) = (request.seconds ?? 7 * 86_400, request.uses ?? 10)
    guard (60...30 * 86_400).contains(seconds), (1...1000).contains(uses) else {
      throw RookeryError(.badRequest, "A link is good for 60 s to 30 days, and for 1 to 1000 people.", mend: "Choose less.")
    }
    let now = Date()
    let (secret, id) = InvitationSecret.make()
    let invitation = Invitation(
      id: id, role: request.role, by: user.id, created: now, expires: now.addingTimeInterval(Double(seconds)), uses: uses)
    try commit { transaction in
      let all = try transaction.invitations()
      for old in all where old.expires <= now || old.uses == 0 { try transaction.removeInvitation(old.id) }
      guard all.count(where: { $0.expires > now && $0.uses > 0 }) < Self.maximumInvitations else {
        throw RookeryError(.rateLimited, "The session has \(Self.maximumInvitations) links already.", mend: "Revoke some.")
      }
      try transaction.setInvitation(invitation, hash: InvitationSecret.hash(secret))
      return []
    }
    return (invitation, secret)
  }

  /// Links that still work.
  func invitations() throws -> [Invitation] {
    try store.read { try $0.invitations() }.filter { $0.expires > Date() && $0.uses > 0 }.sorted { $0.created < $1.created }
  }

  func revoke(_ invitation: String) throws {
    guard try invitations().contains(where: { $0.id == invitation }) else {
      throw RookeryError(.notFound, "The session has no such link.", mend: "List its links.")
    }
    try commit { transaction in
      try transaction.removeInvitation(invitation)
      return []
    }
  }

  func setRole(_ role: SessionRole, of user: UserID, by: User) throws {
    var people = participants
    let place = try place(of: user, in: people)
    guard people[place].role != role else { return }
    guard people[place].person.user != meta.owner.user else {
      throw RookeryError(.conflict, "Whoever began the session stays its owner.", mend: "Make others owners beside them.")
    }
    people[place].role = role
    meta.participants = people
    try commit([.participantJoined(.init(person: people[place].person, role: role, by: by.id))], turn: nil)
  }

  /// Removes a participant, or lets one leave.
  func remove(_ user: UserID, by: User) throws {
    var people = participants
    let place = try place(of: user, in: people)
    guard user != meta.owner.user else {
      throw RookeryError(.conflict, "The session's owner can't leave it.", mend: "Delete the session instead.")
    }
    let gone = people.remove(at: place)
    meta.participants = people
    try commit([.participantLeft(.init(person: gone.person, by: by.id == user ? nil : by.id))], turn: nil)
  }

  private func place(of user: UserID, in people: [Participant]) throws -> Int {
    guard let place = people.firstIndex(where: { $0.person.user == user }) else {
      throw RookeryError(.notFound, "“\(user)” does not take part in this session.", mend: "List its participants.")
    }
    return place
  }

  func setAccess(_ access: SessionAccess, by user: User) throws {
    guard access != meta.access ?? .team else { return }
    meta.access = access
    let word =
      switch access {
      case .team: "Everyone who works on this server may take part in the session."
      case .watch: "Everyone on this server may watch the session; only its participants work in it."
      case .closed: "The session is private to its participants."
      }
    try commit([.notice(.init(level: .info, text: "\(word) (\(user.name))"))], turn: nil)
  }
}

extension SessionSummary {
  /// What `user` may do in this session; nil: for them there is no such session.
  package func role(of user: User) -> SessionRole? {
    if user.role == .admin { return .owner }
    let own =
      participants?.first { $0.person.user == user.id }?.role ?? (owner.user == user.id ? .owner : nil)
    let open: SessionRole? =
      switch access ?? .team {
      case .team: .collaborator
      case .watch: .viewer
      case .closed: nil
      }
    guard let role = [own, open].compactMap(\.self).max() else { return nil }
    // Who may only look at this server may only look at its sessions.
    return user.role == .viewer ? .viewer : role
  }
}
