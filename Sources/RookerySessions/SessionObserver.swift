import RookeryModel

/// Hears of every commit of every session, from the session that made it: what it does must be quick and must not throw.
package protocol SessionObserver: Sendable {
  /// A commit is on disk; it took so long.
  func committed(_ session: SessionID, took: Duration)
  /// A session and its file are gone.
  func deleted(_ session: SessionID)
}
