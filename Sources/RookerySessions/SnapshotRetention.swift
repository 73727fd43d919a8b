import Foundation
import RookeryModel

/// Which snapshots of sessions are kept: by their age and by their size together. How many a session keeps is its own matter.
struct SnapshotRetention: Equatable {
  var maximumAge: TimeInterval
  /// Bytes; nil: no bound.
  var maximumTotal: Int?

  struct Entry: Equatable {
    var id: SnapshotID
    var created: Date
    var bytes: Int
    /// A sandbox runs on it, or a turn is about to.
    var isInUse: Bool
  }

  /// What is to be removed of `entries`, oldest first. What is in use is never among it, but counts.
  func victims(of entries: [Entry], now: Date) -> [SnapshotID] {
    var total = entries.reduce(0) { $0 + $1.bytes }
    return entries.sorted { ($0.created, $0.id) < ($1.created, $1.id) }.compactMap { entry in
      let isOld = now.timeIntervalSince(entry.created) > maximumAge
      let isTooMuch = maximumTotal.map { total > $0 } ?? false
      guard !entry.isInUse, isOld || isTooMuch else { return nil }
      total -= entry.bytes
      return entry.id
    }
  }
}
