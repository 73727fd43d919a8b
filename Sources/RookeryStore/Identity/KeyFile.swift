import Foundation
import Glibc
import RookeryModel

/// The file of encryption keys that the server makes for itself where the configuration names none.
package struct KeyFile: Sendable {
  private let path: String

  package init(directory: String) { path = directory + "/secrets.keys" }

  /// The keys; the first call makes one.
  package func load() throws -> KeyRing {
    if !FileManager.default.fileExists(atPath: path) { try write(KeyRing.makeKey() + "\n") }
    return try KeyRing(text: text())
  }

  /// Puts a new key first, so that what is encrypted from now on is encrypted under it, and returns the ring.
  package func addKey() throws -> KeyRing {
    try write(KeyRing.makeKey() + "\n" + text())
    return try load()
  }

  /// Forgets all keys but the first: nothing is encrypted under another any more.
  package func dropOldKeys() throws {
    guard let first = try text().split(whereSeparator: \.isNewline).first else { return }
    try write(first + "\n")
  }

  private func text() throws -> String {
    guard let data = FileManager.default.contents(atPath: path), data.count <= 64 << 10 else {
      throw RookeryError(.internal, "The file of encryption keys can't be read.", mend: "Check \(path).")
    }
    return String(decoding: data, as: UTF8.self)
  }

  /// Replaces the file as a whole: a crash leaves the old one or the new one.
  private func write(_ text: String) throws {
    let draft = path + ".new"
    unlink(draft)
    let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw failure("open") }
    let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    try handle.write(contentsOf: Data(text.utf8))
    try handle.synchronize()
    guard rename(draft, path) == 0 else { throw failure("rename") }
    let directory = open((path as NSString).deletingLastPathComponent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard directory >= 0 else { throw failure("open the directory") }
    defer { close(directory) }
    guard fsync(directory) == 0 else { throw failure("fsync") }
  }

  private func failure(_ step: String) -> RookeryError {
    RookeryError(
      .internal, "The file of encryption keys could not be written.", mend: "Check that the server may write beside \(path).",
      context: "\(step): \(String(cString: strerror(errno)))")
  }
}
