import RookeryMetrics
import RookeryModel
import RookerySessions

/// Tells the figures of every commit.
struct SessionFigures: SessionObserver {
  let follower: MetricsFollower
  let instruments: Instruments

  func committed(_ session: SessionID, took: Duration) {
    instruments.commits.observe(took / .seconds(1))
    follower.note(session)
  }

  func deleted(_ session: SessionID) { follower.note(session) }
}
