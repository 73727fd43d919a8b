import Foundation
import Logging
import RookeryModel
import RookerySandbox
import RookeryStore

/// The end of a session, in steps that can be repeated: its tombstone in the registry stays until all of them are done.
extension SessionEngine {
  package func delete(_ id: SessionID, by user: User) async throws {
    guard SessionStore.exists(directory: services.directory, session: id) else {
      throw RookeryError(.notFound, "There is no session “\(id)”.", mend: "“rookery sessions” lists those you may see.")
    }
    try services.registry.bury(id)
    services.logger.info("deleting a session", metadata: ["session": "\(id)", "user": "\(user.id)"])
    try await remove(id)
  }

  /// Ends what a crash or an absent host left of deleted sessions.
  func finishDeletions() async {
    guard let buried = try? services.registry.buried() else { return }
    for id in buried {
      do { try await remove(id) } catch {
        services.logger.notice("a deleted session is not all gone yet", metadata: ["session": "\(id)", "error": "\(error)"])
      }
    }
  }

  private func remove(_ id: SessionID) async throws {
    var snapshots: [SnapshotID] = []
    if SessionStore.exists(directory: services.directory, session: id) {
      let session = try session(id)
      await session.close()
      snapshots = Array(try await session.snapshotReferences().all)
      if let sandbox = await session.meta.sandbox {
        try await services.provider.terminate(sandbox, keep: nil)
        try? await services.gateway.revoke(sandbox)
      }
      forget(id)
    }
    // The file goes first: what is left of the directory then is no session any more, and goes now or at the next start.
    let directory = services.directory + "/" + id.rawValue
    if FileManager.default.fileExists(atPath: directory) {
      for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: directory + "/session.sqlite" + suffix) }
      try FileManager.default.removeItem(atPath: directory)
    }
    try await removeUnreferenced(snapshots)
    try services.registry.forget(id)
  }
}
