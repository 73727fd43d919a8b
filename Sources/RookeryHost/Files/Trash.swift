import Dispatch
import Foundation
import Logging
import RookeryModel

/// Where trees go to be removed: the rename is atomic and cheap, the removal happens later on a queue of its own.
final class Trash: Sendable {
  private let directory: Directory
  private let queue = DispatchQueue(label: "rookery.host.trash", qos: .utility)
  private let holdsSubvolumes: Bool
  private let log: Logger

  /// Whatever an earlier process left in `directory` is removed, too.
  init(directory: Directory, holdsSubvolumes: Bool = false, log: Logger) throws {
    self.directory = directory
    self.holdsSubvolumes = holdsSubvolumes
    self.log = log
    for name in try directory.names() { removeLater(name) }
  }

  /// Takes the tree `name` out of `parent`; its absence is fine. Both are on one file system.
  func discard(_ name: String, in parent: Directory) throws {
    guard parent.exists(name) else { return }
    let unique = "\(name.prefix(100)).\(String(UInt64.random(in: 0 ..< .max), radix: 36))"
    try parent.move(name, to: directory, as: unique)
    removeLater(unique)
  }

  /// Waits until everything discarded so far is gone.
  func drain() async {
    await withCheckedContinuation { continuation in queue.async { continuation.resume() } }
  }

  private func removeLater(_ name: String) {
    queue.async { [directory, holdsSubvolumes, log] in
      do {
        if holdsSubvolumes { try BtrfsVolume.destroySubvolumes(name, in: directory) }
        try TreeWalk.remove(name, in: directory)
      } catch {
        log.error("a discarded tree could not be removed", metadata: ["tree": "\(name)", "error": "\(error)"])
      }
    }
  }
}
