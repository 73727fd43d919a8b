import CSandbox
import Foundation
import Glibc
import Logging
import RookeryControl
import RookeryModel

/// Where layers, snapshots and the writable layers of sandboxes lie.
struct HostStorage: Sendable {
  let kind: StorageKind
  /// Holds `layers`, `snapshots`, `sandboxes` and `trash`.
  let root: Directory
  /// The path of `root` as a launcher sees it.
  let launchPath: String
  /// Nil for plain directories.
  let volume: BtrfsVolume?

  /// The file that holds the file system, and how large it may become at most unless the settings say.
  static let imageName = "volume.btrfs"
  static let largestVolumeMB = 65_536
  /// What must stay free beside it, and the least that is worth the trouble.
  private static let sparedMB = 2048
  static let smallestVolumeMB = 1024
  static let makeProgram = "/usr/sbin/mkfs.btrfs"

  /// Opens the storage of a data directory; a new directory gets the best that this machine can do, or what the settings demand.
  ///
  /// Throws `hostUnsupported` when what is demanded, or was used before, does not work here.
  static func open(_ settings: HostSettings, data: Directory, log: Logger) throws -> HostStorage {
    if let kind = try recorded(in: data) {
      return try open(kind, settings, data: data)
    }
    let wanted: [StorageKind] =
      settings.storage.map { [$0] } ?? (cs_is_btrfs(data.descriptor) != 0 ? [.subvolumes, .directories] : [.volume, .directories])
    var failure: (any Error)?
    for kind in wanted {
      do {
        let storage = try open(kind, settings, data: data)
        try data.write(StorageRecord.fileName, JSON.encode(StorageRecord(kind: kind)), durable: true)
        return storage
      } catch {
        failure = failure ?? error
        log.warning("this storage does not work here", metadata: ["kind": "\(kind.rawValue)", "error": "\(error)"])
        if kind == .volume { try data.removeFile(imageName) }
      }
    }
    throw failure ?? RookeryError(.internal, "No storage was tried.")
  }

  /// What the data directory was used with before; nil for a new one.
  static func recorded(in data: Directory) throws -> StorageKind? {
    if let text = try data.read(StorageRecord.fileName) { return try JSON.decode(StorageRecord.self, from: text).kind }
    // Made by a version that knew only directories.
    for name in ["layers", "snapshots", "sandboxes"] {
      if let directory = try data.directory(name), try !directory.names().isEmpty { return .directories }
    }
    return nil
  }

  private static func open(_ kind: StorageKind, _ settings: HostSettings, data: Directory) throws -> HostStorage {
    switch kind {
    case .directories: return HostStorage(kind: kind, root: data, launchPath: settings.dataDirectory, volume: nil)
    case .subvolumes:
      guard cs_is_btrfs(data.descriptor) != 0 else {
        throw RookeryError(
          .hostUnsupported, "\(settings.dataDirectory) is not on btrfs.", mend: "Let sandbox storage be “volume” or “directories”.")
      }
      return HostStorage(kind: kind, root: data, launchPath: settings.dataDirectory, volume: try BtrfsVolume(at: data))
    case .volume:
      let volume = try BtrfsVolume(in: image(settings, in: data))
      return HostStorage(kind: kind, root: volume.root, launchPath: BubblewrapArguments.staging + "/volume", volume: volume)
    }
  }

  // MARK: The file that holds a file system

  private static func image(_ settings: HostSettings, in data: Directory) throws -> OwnedDescriptor {
    if !data.exists(imageName) { try makeImage(settings, in: data) }
    let opened = cs_open_beneath(data.descriptor, imageName, O_RDWR, 0)
    guard opened >= 0 else { throw Directory.failure("open(\(imageName))", -opened) }
    return OwnedDescriptor(adopting: opened)
  }

  /// Made under another name: a crash leaves no half-made file system.
  private static func makeImage(_ settings: HostSettings, in data: Directory) throws {
    var status = statvfs()
    guard fstatvfs(data.descriptor, &status) == 0 else { throw Directory.failure("statvfs", errno) }
    let free = Int((UInt64(status.f_bavail) * UInt64(status.f_frsize)) >> 20)
    let size = settings.volumeMB ?? min(largestVolumeMB, free - sparedMB)
    guard size >= smallestVolumeMB else {
      throw RookeryError(.diskFull, "\(free) MiB are free for sandboxes.", mend: "Free at least \(smallestVolumeMB + sparedMB) MiB.")
    }
    let partial = "." + imageName
    try data.removeFile(partial)
    let opened = cs_open_beneath(data.descriptor, partial, O_RDWR | O_CREAT | O_EXCL, 0o600)
    guard opened >= 0 else { throw Directory.failure("open(\(partial))", -opened) }
    let file = OwnedDescriptor(adopting: opened)
    guard ftruncate(file.number, off_t(size) << 20) == 0 else { throw Directory.failure("truncate(\(partial))", errno) }
    try run([makeProgram, "-q", "--metadata", "single", "\(settings.dataDirectory)/\(partial)"])
    guard fsync(file.number) == 0 else { throw Directory.failure("fsync(\(partial))", errno) }
    try data.move(partial, to: data, as: imageName)
    try data.sync()
  }

  private static func run(_ command: [String]) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: command[0])
    process.arguments = Array(command.dropFirst())
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    let errors = Pipe()
    process.standardError = errors
    do { try process.run() } catch {
      throw RookeryError(
        .hostUnsupported, "\(command[0]) can't be started.", mend: "apt-get install btrfs-progs", context: String(describing: error))
    }
    let said = errors.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw RookeryError(
        .hostUnsupported, "\(command[0]) failed.", mend: "Look at the host's log.",
        context: String(decoding: said.prefix(2000), as: UTF8.self))
    }
  }
}
