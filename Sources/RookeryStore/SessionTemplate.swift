import Foundation
import GRDB
import Glibc
import RookeryModel
import Synchronization

/// An empty session's database as bytes, made once in a process: to copy it takes a fraction of what migrating a new file takes,
/// and every first prompt waits for it.
enum SessionTemplate {
  private static let cached = Mutex<[UInt8]?>(nil)

  /// Puts a migrated database at `folder/name`, durably; nothing happens when there is one.
  static func place(in folder: String, name: String, migrator: DatabaseMigrator) throws {
    let bytes = try cached.withLock { cached in
      if let cached { return cached }
      let made = try make(beside: folder, migrator)
      cached = made
      return made
    }
    let path = "\(folder)/\(name)"
    let draft = "\(path).\(UInt64.random(in: .min ... .max))"
    let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw failure("open", draft) }
    do {
      let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
      try file.write(contentsOf: bytes)
      // Unlike a rename, a link leaves a file that came first as it is. It is made before the file is flushed, so that one write to
      // the journal covers both; what a power cut leaves before that is an empty file, which is an empty database.
      guard link(draft, path) == 0 || errno == EEXIST else { throw failure("link", path) }
      unlink(draft)
      try file.synchronize()
    } catch {
      unlink(draft)
      throw error
    }
    for directory in [folder, (folder as NSString).deletingLastPathComponent] { try synchronize(directory) }
  }

  private static func make(beside folder: String, _ migrator: DatabaseMigrator) throws -> [UInt8] {
    let draft = "\(folder)/template.\(UInt64.random(in: .min ... .max))"
    defer { for suffix in ["", "-wal", "-shm"] { unlink(draft + suffix) } }
    var configuration = GRDB.Configuration()
    configuration.prepareDatabase { try $0.execute(sql: "PRAGMA journal_mode = WAL") }
    let queue = try DatabaseQueue(path: draft, configuration: configuration)
    try migrator.migrate(queue)
    // The last connection writes everything back into the one file.
    try queue.close()
    guard let bytes = FileManager.default.contents(atPath: draft) else { throw failure("read", draft) }
    return Array(bytes)
  }

  private static func synchronize(_ directory: String) throws {
    let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure("open", directory) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw failure("fsync", directory) }
  }

  private static func failure(_ step: String, _ path: String) -> RookeryError {
    let code = errno
    let context = "\(step) \(path): \(String(cString: strerror(code)))"
    if code == ENOSPC || code == EDQUOT {
      return RookeryError(
        .diskFull, "The disk of the data directory is full.", mend: "Free space there; reading goes on meanwhile.", context: context)
    }
    return RookeryError(.internal, "The session's file could not be made.", mend: "The server's log has the details.", context: context)
  }
}
