import RookeryModel

/// Who may use a route. Every route says so where it is registered; there is no default.
enum Access: Sendable, Equatable {
  /// Anyone who reaches the server.
  case open
  /// A signed-in user of at least this role.
  case role(User.Role)
  /// Someone who may do that in the session that the path names; to others it does not exist.
  case session(SessionRole)

  /// Throws `unauthenticated` or `forbidden` when `caller` may not; what they may in a session is asked beside this.
  func admit(_ caller: Caller?) throws {
    if self == .open { return }
    guard let caller else { throw RookeryError.signInNeeded }
    guard case .role(let needed) = self else { return }
    guard caller.user.role.rank >= needed.rank else {
      throw RookeryError(
        .forbidden, "This takes the role “\(needed.rawValue)”; you have “\(caller.user.role.rawValue)”.",
        mend: "Ask an admin of this server.")
    }
  }
}

extension User.Role {
  /// Each role may do what those below it may.
  var rank: Int {
    switch self {
    case .viewer: 0
    case .member: 1
    case .admin: 2
    }
  }
}
