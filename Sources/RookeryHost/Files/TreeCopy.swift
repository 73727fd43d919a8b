import CSandbox
import Glibc
import RookeryControl
import RookeryModel

/// Copies a tree that a sandbox wrote, as it is: owners, modes, times, extended attributes, holes, hard links, whiteouts.
///
/// Every name is opened from its directory's descriptor and no link is followed, so root is led nowhere else, whatever the sandbox
/// does meanwhile. Sockets, which mean nothing to anyone else, are left out.
struct TreeCopy {
  /// What a copy may take.
  struct Bounds: Sendable {
    var bytes: Int
    var entries: Int
    var time: Duration
  }

  private let bounds: Bounds
  private let deadline: ContinuousClock.Instant
  /// Holds the first copy of each file that has several names, by its number.
  private let links: Directory
  private var linked: Set<UInt64> = []
  private(set) var bytes = 0
  private(set) var entries = 0

  /// Copies the contents of `source` to `target`, which is empty, and its attributes too. Returns what the copy takes.
  ///
  /// `scratch` is a directory on the target's file system for a moment's use. Throws `tooLarge` beyond the bounds.
  static func copy(_ source: Directory, to target: Directory, scratch: Directory, bounds: Bounds) throws -> DiskUsage {
    let name = "links-\(String(UInt64.random(in: 0 ..< .max), radix: 36))"
    try scratch.makeDirectory(name, mode: 0o700)
    defer { try? TreeWalk.remove(name, in: scratch) }
    var copy = try TreeCopy(bounds: bounds, deadline: .now + bounds.time, links: scratch.existing(name))
    try copy.contents(of: source.descriptor, to: target.descriptor, depth: 0)
    var status = stat()
    guard fstat(source.descriptor, &status) == 0 else { throw RookeryError.system("stat(tree)", errno) }
    try copy.attributes(from: source.descriptor, to: target.descriptor, status)
    return DiskUsage(bytes: copy.bytes, files: copy.entries)
  }

  private init(bounds: Bounds, deadline: ContinuousClock.Instant, links: Directory) {
    self.bounds = bounds
    self.deadline = deadline
    self.links = links
  }

  private mutating func contents(of source: Int32, to target: Int32, depth: Int) throws {
    guard depth < TreeWalk.maximumDepth else { throw Self.tooLarge("over \(TreeWalk.maximumDepth) levels deep") }
    try TreeWalk.entries(of: source) { name in
      var status = stat()
      guard fstatat(source, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
        if errno == ENOENT { return }
        throw RookeryError.system("stat(copied)", errno)
      }
      try count()
      switch status.st_mode & S_IFMT {
      case S_IFDIR: try directory(name, from: source, to: target, status, depth: depth)
      case S_IFSOCK: break
      default: try file(name, from: source, to: target, status)
      }
    }
  }

  private mutating func count() throws {
    entries += 1
    if entries > bounds.entries { throw Self.tooLarge("over \(bounds.entries) files") }
    if entries.isMultiple(of: 64), ContinuousClock.now > deadline { throw Self.tooLarge("too slow to copy") }
  }

  private mutating func directory(_ name: [CChar], from source: Int32, to target: Int32, _ status: stat, depth: Int) throws {
    guard mkdirat(target, name, 0o700) == 0 else { throw RookeryError.system("mkdir(copy)", errno) }
    let from = try open(name, in: source, O_RDONLY | O_DIRECTORY)
    let to = try open(name, in: target, O_RDONLY | O_DIRECTORY)
    try contents(of: from.number, to: to.number, depth: depth + 1)
    try attributes(from: from.number, to: to.number, status)
  }

  private mutating func file(_ name: [CChar], from source: Int32, to target: Int32, _ status: stat) throws {
    let hasNames = status.st_nlink > 1
    let link = String(status.st_ino)
    if hasNames, linked.contains(UInt64(status.st_ino)) {
      guard linkat(links.descriptor, link, target, name, 0) == 0 else { throw RookeryError.system("link(copy)", errno) }
      return
    }
    switch status.st_mode & S_IFMT {
    case S_IFREG: try regular(name, from: source, to: target, status)
    case S_IFLNK: try symbolicLink(name, from: source, to: target, status)
    default:
      // Whiteouts, which overlay makes of device 0:0, and pipes. A sandbox can make no other device.
      let isWhiteout = status.st_mode & S_IFMT == S_IFCHR && status.st_rdev == 0
      guard isWhiteout || status.st_mode & S_IFMT == S_IFIFO else { return }
      guard mknodat(target, name, status.st_mode & S_IFMT | 0o600, status.st_rdev) == 0 else {
        throw RookeryError.system("mknod(copy)", errno)
      }
      try special(name, from: source, to: target, status)
    }
    if hasNames {
      guard linkat(target, name, links.descriptor, link, 0) == 0 else { throw RookeryError.system("link(copied)", errno) }
      linked.insert(UInt64(status.st_ino))
    }
  }

  private mutating func regular(_ name: [CChar], from source: Int32, to target: Int32, _ status: stat) throws {
    let from = try open(name, in: source, O_RDONLY | O_NONBLOCK)
    let number = openat(target, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard number >= 0 else { throw RookeryError.system("open(copy)", errno) }
    let to = OwnedDescriptor(adopting: number)
    var copied: UInt64 = 0
    let error = cs_copy_contents(from.number, to.number, UInt64(max(0, bounds.bytes - bytes)), &copied)
    if error == EFBIG { throw Self.tooLarge("over \(bounds.bytes >> 20) MiB") }
    guard error == 0 else { throw RookeryError.system("copy", error) }
    bytes += Int(copied)
    if ContinuousClock.now > deadline { throw Self.tooLarge("too slow to copy") }
    try attributes(from: from.number, to: to.number, status)
  }

  private func symbolicLink(_ name: [CChar], from source: Int32, to target: Int32, _ status: stat) throws {
    var text = [CChar](repeating: 0, count: 4097)
    let length = readlinkat(source, name, &text, 4096)
    guard length >= 0 else { throw RookeryError.system("readlink(copied)", errno) }
    guard symlinkat(text, target, name) == 0 else { throw RookeryError.system("symlink(copy)", errno) }
    try special(name, from: source, to: target, status)
  }

  /// Attributes of what can't be opened for reading.
  private func special(_ name: [CChar], from source: Int32, to target: Int32, _ status: stat) throws {
    let from = try open(name, in: source, CS_OPEN_PATH)
    let to = try open(name, in: target, CS_OPEN_PATH)
    guard fchownat(target, name, status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW) == 0 else {
      throw RookeryError.system("chown(copy)", errno)
    }
    let error = cs_copy_attributes(from.number, to.number)
    guard error == 0 else { throw RookeryError.system("setxattr(copy)", error) }
    if status.st_mode & S_IFMT != S_IFLNK, fchmodat(target, name, status.st_mode & 0o7777, 0) != 0 {
      throw RookeryError.system("chmod(copy)", errno)
    }
    let times = [status.st_atim, status.st_mtim]
    guard utimensat(target, name, times, AT_SYMLINK_NOFOLLOW) == 0 else { throw RookeryError.system("utimes(copy)", errno) }
  }

  private func attributes(from: Int32, to: Int32, _ status: stat) throws {
    guard fchown(to, status.st_uid, status.st_gid) == 0 else { throw RookeryError.system("chown(copy)", errno) }
    // After the owner, whose change takes capabilities and set-id bits away.
    let error = cs_copy_attributes(from, to)
    guard error == 0 else { throw RookeryError.system("setxattr(copy)", error) }
    guard fchmod(to, status.st_mode & 0o7777) == 0 else { throw RookeryError.system("chmod(copy)", errno) }
    let times = [status.st_atim, status.st_mtim]
    guard futimens(to, times) == 0 else { throw RookeryError.system("utimes(copy)", errno) }
  }

  private func open(_ name: [CChar], in directory: Int32, _ flags: Int32) throws -> OwnedDescriptor {
    let number = openat(directory, name, flags | O_NOFOLLOW | O_CLOEXEC)
    guard number >= 0 else { throw RookeryError.system("open(copied)", errno) }
    return OwnedDescriptor(adopting: number)
  }

  private static func tooLarge(_ reason: String) -> RookeryError {
    RookeryError(.tooLarge, "The sandbox's files can't be kept: \(reason).", mend: "Remove what is not needed, and try again.")
  }
}
