import Foundation
import Logging
import RookeryConfiguration
import RookeryModel
import RookerySandbox
import RookeryStore
import Synchronization

/// Which snapshots the provider keeps follows from what sessions refer to.
extension SessionEngine {
  /// Between two looks at what is still needed.
  private static let sweepInterval = Duration.seconds(3600)
  /// An id that no session refers to may be on its way into a session's file.
  private static let youth: TimeInterval = 86_400

  func sweepSnapshots() async {
    while !Task.isCancelled {
      do { try await collectSnapshots() } catch {
        services.logger.notice("could not look after snapshots", metadata: ["error": "\(error)"])
      }
      do { try await Task.sleep(for: Self.sweepInterval) } catch { return }
    }
  }

  /// Removes snapshots that are too old or too many, and those that nothing refers to.
  func collectSnapshots(now: Date = Date()) async throws {
    let records = try await services.provider.snapshots()
    let found = Mutex<(referenced: Set<SnapshotID>, inUse: Set<SnapshotID>)>(([], []))
    try await eachSession { session in
      let references = try await session.snapshotReferences()
      found.withLock { found in
        found.referenced.formUnion(references.all)
        found.inUse.formUnion(references.inUse)
      }
    }
    let referenced = found.withLock { $0.referenced }
    var inUse = found.withLock { $0.inUse }
    for case .snapshot(let id) in try await services.provider.list().map(\.source) { inUse.insert(id) }
    let settings = services.configuration.snapshots
    let retention = SnapshotRetention(
      maximumAge: Double(settings.maximumAgeDays) * 86_400, maximumTotal: settings.maximumTotalMB.map { $0 << 20 })
    let victims = Set(
      retention.victims(
        of: records.filter { referenced.contains($0.id) }
          .map { .init(id: $0.id, created: $0.created, bytes: $0.bytes ?? 0, isInUse: inUse.contains($0.id)) }, now: now))
    if !victims.isEmpty { try await eachSession { try await $0.forget(victims) } }
    for record in records where !inUse.contains(record.id) {
      let isOrphan = !referenced.contains(record.id) && now.timeIntervalSince(record.created) > Self.youth
      guard victims.contains(record.id) || isOrphan else { continue }
      try await services.provider.removeSnapshot(record.id)
    }
  }

  /// Removes those of `snapshots` that no session refers to any more.
  func removeUnreferenced(_ snapshots: [SnapshotID]) async throws {
    guard !snapshots.isEmpty else { return }
    let found = Mutex<Set<SnapshotID>>([])
    try await eachSession { session in
      let all = try await session.snapshotReferences().all
      found.withLock { $0.formUnion(all) }
    }
    let needed = found.withLock { $0 }
    for id in Set(snapshots).subtracting(needed) { try await services.provider.removeSnapshot(id) }
  }
}

extension LiveSession {
  /// The snapshots that this session may go back to, and those that it is about to start from.
  func snapshotReferences() throws -> (all: Set<SnapshotID>, inUse: Set<SnapshotID>) {
    var all = Set(try snapshots().map(\.id))
    let newest = meta.snapshot
    if let newest { all.insert(newest) }
    // Between turns, the newest one of a session without a sandbox is kept by age and size like the rest.
    let isStarting = runner != nil && meta.sandbox == nil
    return (all, isStarting ? Set([newest].compactMap(\.self)) : [])
  }
}
