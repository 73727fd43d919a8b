import Foundation
import RookeryModel

/// What is known of a session whose actor and file are closed because nothing happens in it.
struct RestingSession: Sendable, Equatable {
  /// Reports about this sandbox wake it.
  var sandbox: SandboxID?
  /// When it wakes by itself.
  var alarm: Date?
}

/// The session was put to rest meanwhile: whoever asked finds its next actor.
struct SessionRetired: Error {}
