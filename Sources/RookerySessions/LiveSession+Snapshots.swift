import Foundation
import Logging
import RookeryConfiguration
import RookeryModel
import RookerySandbox
import RookeryStore

extension LiveSession {
  /// Keeps the sandbox's filesystem as the turn left it. A snapshot that can't be taken fails no turn: people are told.
  func snapshotTurn() async throws {
    guard let current = turn, let own = meta.sandbox, meta.sandboxReady else { return }
    let id = try SnapshotID("\(id)-t\(current.number)")
    do {
      try await search(own)
      try await services.provider.snapshot(own, as: id)
    } catch let error as RookeryError where error.code != .unavailable {
      logger.warning("no snapshot of a turn", metadata: ["error": "\(error)", "context": "\(error.context)"])
      try commit([.notice(.init(level: .warning, text: "No snapshot was taken after this turn: \(error.message)"))])
      return
    }
    // A full disk under the session's own file, unlike one under its snapshots, holds the turn: nothing could be told.
    try record(id, of: own)
    turn?.snapshot = id
  }

  /// A snapshot on request, between turns.
  func snapshotNow() async throws -> StoredSnapshot {
    guard runner == nil else {
      throw RookeryError(.conflict, "A turn runs: its end takes a snapshot.", mend: "Wait for the turn, or stop it.")
    }
    guard let own = meta.sandbox, meta.sandboxReady else {
      // The newest one is what the session is.
      guard let newest = try store.read({ try $0.snapshots() }).last else {
        throw RookeryError(.notFound, "The session has no sandbox and no snapshot.", mend: "Send it a prompt first.")
      }
      return newest
    }
    // Nothing moved since the pause, before which one was taken.
    if meta.paused == true, let newest = try store.read({ try $0.snapshots() }).last, newest.id == meta.snapshot { return newest }
    try await wake()
    let id = try SnapshotID("\(id)-r\(seq)")
    try await takeSnapshot(id, of: own)
    guard let taken = try store.read({ try $0.snapshots() }).last(where: { $0.id == id }) else {
      throw RookeryError(.internal, "The snapshot was not recorded.", mend: "Try again.")
    }
    return taken
  }

  /// Repeated with the same id after a crash, it finds the first one's snapshot.
  func takeSnapshot(_ snapshot: SnapshotID, of own: SandboxID) async throws {
    guard try !store.read({ try $0.snapshots() }).contains(where: { $0.id == snapshot }) else { return }
    try await search(own)
    try await services.provider.snapshot(own, as: snapshot)
    try record(snapshot, of: own)
  }

  /// Looks through what the sandbox wrote for credentials. Throws `credentialFound` with the places, or why the search did not end:
  /// then no snapshot is to be kept that anybody else could start from.
  func search(_ own: SandboxID) async throws {
    var attached = sandbox
    if attached == nil { attached = try await services.provider.attach(own) }
    guard let searched = attached, let record = try await services.provider.list().first(where: { $0.id == own }) else {
      throw RookeryError(.sandboxLost, "The sandbox has ended.", mend: "Send a prompt to go on from its files.")
    }
    if sandbox == nil { sandbox = searched }
    let scan = try await services.repositories.credentialScan()
    let directory = directory
    // What an earlier sandbox of this session left unsearched is looked through, too.
    let since = min(record.created, meta.created)
    let late = RookeryError(
      .sandboxFailed, "The search for credentials took longer than \(Self.searchSeconds) s.", mend: "Remove large files that nobody needs.")
    _ = try await withTimeLimit(.seconds(Self.searchSeconds), failure: late) {
      try await scan.check(searched, since: since, repository: directory)
    }
  }

  private static let searchSeconds = 120

  /// Remembers a snapshot together with the event that tells of it; the oldest beyond what is kept are forgotten. One that was not
  /// searched for credentials, or holds some, is where this session goes on and nothing else: no fork starts from it.
  func record(_ snapshot: SnapshotID, of own: SandboxID, after earlier: [EventPayload] = [], isSearched: Bool = true) throws {
    meta.snapshot = snapshot
    let number = turn.flatMap { $0.phase == .done ? nil : $0.number }
    let kept = services.configuration.snapshots.perSession
    try commit(earlier) { transaction in
      let now = Date()
      let event = try transaction.append(.snapshotTaken(.init(snapshot: snapshot, sandbox: own)), turn: number, at: now)
      if isSearched { try transaction.addSnapshot(StoredSnapshot(id: snapshot, seq: event.seq, turn: number, created: now)) }
      for old in try transaction.snapshots().dropLast(kept) { try transaction.removeSnapshot(old.id) }
      return [event]
    }
  }

  func snapshots() throws -> [StoredSnapshot] { try store.read { try $0.snapshots() } }

  /// Forgets snapshots that were or will be removed. The newest one stays what the session goes on from until it is asked for.
  func forget(_ snapshots: Set<SnapshotID>) throws {
    try commit { transaction in
      for id in snapshots { try transaction.removeSnapshot(id) }
      return []
    }
  }
}
