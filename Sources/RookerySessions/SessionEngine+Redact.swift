import Foundation
import Logging
import RookeryModel
import RookerySandbox
import RookeryStore

/// Erasing a secret that someone pasted.
extension SessionEngine {
  /// Bytes of a text that can be erased: shorter ones would erase half the log.
  private static let redactable = 4...16_384

  package func redact(_ session: SessionID, _ text: String, by user: User) async throws -> API.Redaction {
    guard Self.redactable.contains(text.utf8.count) else {
      throw RookeryError(
        .badRequest, "What is to be erased must have \(Self.redactable.lowerBound) to \(Self.redactable.upperBound) bytes.",
        mend: "Give the secret itself.")
    }
    let (event, found) = try await using(session) { try await $0.redact(text, by: user) }
    services.logger.notice("a text was erased", metadata: ["session": "\(session)", "user": "\(user.id)", "places": "\(found.places)"])
    try await searcher.rebuild(session)
    var (removed, kept): ([SnapshotID], [SnapshotID]) = ([], [])
    for snapshot in found.snapshots {
      do {
        try await services.provider.removeSnapshot(snapshot)
        removed.append(snapshot)
      } catch let error as RookeryError {
        services.logger.notice("a snapshot stays", metadata: ["snapshot": "\(snapshot)", "error": "\(error)"])
        kept.append(snapshot)
      }
    }
    return API.Redaction(seq: event, places: found.places, snapshots: removed, kept: kept)
  }
}

extension LiveSession {
  /// What a redaction leaves to be done outside the session's file.
  struct Redacted: Sendable {
    var places: Int
    /// They were taken after the text first appeared.
    var snapshots: [SnapshotID]
  }

  /// Erases `text` from the session's file, with an event that says so. The agent's own record of the conversation, in the sandbox and
  /// in every snapshot since, goes too: the next turn starts from the snapshot before, or from the image, and the agent is told the
  /// redacted history.
  func redact(_ text: String, by user: User) async throws -> (seq: Int64, Redacted) {
    guard runner == nil, !hasWork else {
      throw RookeryError(.conflict, "A turn runs or waits, whose agent has the text.", mend: "Stop it first, then redact.")
    }
    let own = meta.sandbox
    if own != nil {
      link?.pump?.cancel()
      link = nil
      serviceWatch?.task.cancel()
      serviceWatch = nil
      await sandbox?.detach()
      sandbox = nil
    }
    var done = Redacted(places: 0, snapshots: [])
    var seq: Int64 = 0
    let old = meta.snapshot
    meta = try Self.without(text, meta)
    meta.sandbox = nil
    meta.sandboxReady = false
    meta.paused = nil
    meta.agentProcess = nil
    meta.agentSession = nil
    try commit { transaction in
      try transaction.setMeta(JSON.encode(self.meta))
      let (places, first) = try transaction.redact(text)
      let doubtful = try transaction.snapshots().filter { snapshot in first.map { snapshot.seq >= $0 } ?? false }
      for snapshot in doubtful { try transaction.removeSnapshot(snapshot.id) }
      done = Redacted(places: places, snapshots: doubtful.map(\.id))
      if let old, done.snapshots.contains(old) { self.meta.snapshot = try transaction.snapshots().last?.id }
      let event = try transaction.append(
        .historyRedacted(.init(by: user.id, places: places, snapshots: doubtful.count)), turn: nil, at: Date())
      seq = event.seq
      return [event]
    }
    // What is in memory is as it was.
    try store.scrub()
    feed.rest()
    if let turn = try store.read({ try $0.lastTurn() }) { try reload(turn.body) }
    if let own {
      do {
        try await services.provider.terminate(own, keep: nil)
        try await services.gateway.revoke(own)
      } catch {
        // The host's sweep of sandboxes that no session has ends it.
        logger.notice("a sandbox with an erased text lives on for now", metadata: ["sandbox": "\(own)", "error": "\(error)"])
      }
    }
    return (seq, done)
  }

  private static func without(_ text: String, _ meta: SessionMeta) throws -> SessionMeta {
    var meta = meta
    meta.title = meta.title.replacingOccurrences(of: text, with: SessionTransaction.redacted)
    meta.inherited = meta.inherited?.replacingOccurrences(of: text, with: SessionTransaction.redacted)
    meta.environment = meta.environment.mapValues { $0.replacingOccurrences(of: text, with: SessionTransaction.redacted) }
    return meta
  }
}
