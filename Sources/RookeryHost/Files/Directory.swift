import CSandbox
import Foundation
import Glibc
import RookeryControl
import RookeryModel

/// An open directory. Everything in it is reached by name from its descriptor, and no symbolic link is followed: what a sandbox
/// wrote can't lead root anywhere else.
final class Directory: Sendable {
  let descriptor: Int32

  /// Takes over `descriptor`.
  init(adopting descriptor: Int32) { self.descriptor = descriptor }

  /// Opens a path of ours; its links are followed, since the operator may have placed the data elsewhere.
  init(path: String) throws {
    descriptor = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Directory.failure("open(\(path))", errno) }
  }

  deinit { close(descriptor) }

  /// Makes the directory at `path`, with its parents, unless it exists, and opens it.
  static func make(path: String, mode: mode_t) throws -> Directory {
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw RookeryError(.internal, "mkdir(\(path)) failed.", context: String(describing: error))
    }
    let directory = try Directory(path: path)
    guard fchmod(directory.descriptor, mode) == 0 else { throw RookeryError.system("chmod(\(path))", errno) }
    return directory
  }

  /// The directory at `path` below this one; nil when there is none (or something else, or a link on the way).
  func directory(_ path: String) throws -> Directory? {
    let opened = cs_open_beneath(descriptor, path, O_RDONLY | O_DIRECTORY, 0)
    if opened >= 0 { return Directory(adopting: opened) }
    if [ENOENT, ENOTDIR, ELOOP].contains(-opened) { return nil }
    throw Directory.failure("open(\(path))", -opened)
  }

  /// As `directory`, but absence is `notFound`.
  func existing(_ path: String) throws -> Directory {
    guard let found = try directory(path) else { throw RookeryError(.notFound, "There is no \(path).") }
    return found
  }

  func makeDirectory(_ name: String, mode: mode_t, owner: UInt32 = 0) throws {
    guard mkdirat(descriptor, name, 0o700) == 0 else { throw Directory.failure("mkdir(\(name))", errno) }
    guard fchownat(descriptor, name, owner, owner, AT_SYMLINK_NOFOLLOW) == 0, fchmodat(descriptor, name, mode, 0) == 0 else {
      throw Directory.failure("chown(\(name))", errno)
    }
  }

  func exists(_ name: String) -> Bool {
    var status = stat()
    return fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0
  }

  /// Names in it, without `.` and `..`, in no order.
  func names() throws -> [String] { try entries().map(\.name) }

  struct Entry {
    var name: String
    var isDirectory: Bool
  }

  /// Its entries, at most `limit` of them.
  func entries(limit: Int = .max) throws -> [Entry] {
    let copy = cs_open_beneath(descriptor, ".", O_RDONLY | O_DIRECTORY, 0)
    guard copy >= 0, let stream = fdopendir(copy) else { throw Directory.failure("opendir", errno) }
    defer { closedir(stream) }
    var entries: [Entry] = []
    while entries.count < limit, let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(validatingCString: $0) }
      }
      // A name that is no UTF-8 can't be ours; trees that sandboxes wrote are walked by `TreeWalk`, which takes any name.
      guard let name, name != ".", name != ".." else { continue }
      entries.append(Entry(name: name, isDirectory: Int32(entry.pointee.d_type) == 4))
    }
    return entries
  }

  /// The whole of a small file; nil when absent. Throws `tooLarge` beyond `limit` bytes.
  func read(_ name: String, limit: Int = 1 << 20) throws -> Data? {
    let file = cs_open_beneath(descriptor, name, O_RDONLY | O_NONBLOCK, 0)
    if file == -ENOENT { return nil }
    guard file >= 0 else { throw Directory.failure("open(\(name))", -file) }
    defer { close(file) }
    var data = Data()
    var part = [UInt8](repeating: 0, count: 16 << 10)
    while true {
      let count = Glibc.read(file, &part, part.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw Directory.failure("read(\(name))", errno) }
      if count == 0 { return data }
      data.append(contentsOf: part.prefix(count))
      guard data.count <= limit else { throw RookeryError(.tooLarge, "\(name) is over \(limit) bytes.") }
    }
  }

  /// Replaces a file atomically; with `durable` it is on the disk when this returns.
  func write(_ name: String, _ data: Data, mode: mode_t = 0o600, durable: Bool) throws {
    let temporary = ".\(name).new"
    let file = cs_open_beneath(descriptor, temporary, O_WRONLY | O_CREAT | O_TRUNC, mode)
    guard file >= 0 else { throw Directory.failure("open(\(temporary))", -file) }
    defer { close(file) }
    var written = 0
    while written < data.count {
      let count = data.withUnsafeBytes { Glibc.write(file, $0.baseAddress?.advanced(by: written), $0.count - written) }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw Directory.failure("write(\(name))", errno) }
      written += count
    }
    guard fchmod(file, mode) == 0 else { throw Directory.failure("chmod(\(name))", errno) }
    if durable, fsync(file) != 0 { throw Directory.failure("fsync(\(name))", errno) }
    guard renameat(descriptor, temporary, descriptor, name) == 0 else { throw Directory.failure("rename(\(name))", errno) }
    if durable { try sync() }
  }

  /// Moves an entry to a name that must be free.
  func move(_ name: String, to target: Directory, as newName: String) throws {
    let error = cs_rename_new(descriptor, name, target.descriptor, newName)
    guard error == 0 else { throw Directory.failure("rename(\(name) to \(newName))", error) }
  }

  /// Removes a file; its absence is fine.
  func removeFile(_ name: String) throws {
    guard unlinkat(descriptor, name, 0) == 0 || errno == ENOENT else { throw Directory.failure("unlink(\(name))", errno) }
  }

  /// Makes renames and new names in this directory durable.
  func sync() throws {
    guard fsync(descriptor) == 0 else { throw Directory.failure("fsync", errno) }
  }

  /// Writes out everything on its file system.
  func syncFileSystem() throws {
    let error = cs_sync_filesystem(descriptor)
    guard error == 0 else { throw Directory.failure("syncfs", error) }
  }

  static func failure(_ step: String, _ error: Int32) -> RookeryError { RookeryError.system(step, error) }
}
