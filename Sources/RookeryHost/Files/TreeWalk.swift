import CSandbox
import Glibc
import RookeryControl
import RookeryModel

/// Walks over trees that a sandbox wrote: any names, any depth, links and special files never followed or opened.
enum TreeWalk {
  /// Directories open at once. A deeper tree is taken apart (`remove`) or refused.
  static let maximumDepth = 128

  /// Removes the tree `name` in `directory`. What lies deeper than `maximumDepth` is moved up beside it first.
  static func remove(_ name: String, in directory: Directory) throws {
    var pending = [Array(name.utf8CString)]
    while let next = pending.popLast() {
      let moved = try removeOne(next, in: directory, serial: pending.count)
      pending.append(contentsOf: moved)
    }
  }

  /// Calls `body` for every entry below `directory`, a directory before its contents, with the parent's descriptor, name and status.
  ///
  /// Throws `tooLarge` when the tree is deeper than `maximumDepth`.
  static func forEach(in directory: Int32, depth: Int = 0, _ body: (Int32, [CChar], stat) throws -> Void) throws {
    guard depth < maximumDepth else { throw RookeryError(.tooLarge, "A directory tree is over \(maximumDepth) levels deep.") }
    let stream = try open(".", in: directory)
    defer { closedir(stream) }
    while let (name, _) = next(in: stream) {
      var status = stat()
      guard fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
        if errno == ENOENT { continue }
        throw RookeryError.system("stat", errno)
      }
      try body(directory, name, status)
      guard status.st_mode & S_IFMT == S_IFDIR else { continue }
      let child = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
      guard child >= 0 else {
        if errno == ENOENT { continue }
        throw RookeryError.system("open", errno)
      }
      defer { close(child) }
      try forEach(in: child, depth: depth + 1, body)
    }
  }

  /// Calls `body` for every name in the directory, in no order.
  static func entries(of directory: Int32, _ body: ([CChar]) throws -> Void) throws {
    let stream = try open(".", in: directory)
    defer { closedir(stream) }
    while let (name, _) = next(in: stream) { try body(name) }
  }

  /// Removes one tree; returns names that it moved up into `directory` because they lay too deep.
  private static func removeOne(_ name: [CChar], in directory: Directory, serial: Int) throws -> [[CChar]] {
    if unlinkat(directory.descriptor, name, 0) == 0 || errno == ENOENT { return [] }
    guard errno == EISDIR || errno == EPERM else { throw RookeryError.system("unlink", errno) }
    var moved: [[CChar]] = []
    try removeDirectory(name, in: directory.descriptor, depth: 0) { parent, child in
      let upper = Array("deep-\(serial)-\(moved.count)-\(UInt64.random(in: 0 ..< .max))".utf8CString)
      guard renameat(parent, child, directory.descriptor, upper) == 0 else { throw RookeryError.system("rename(deep)", errno) }
      moved.append(upper)
    }
    return moved
  }

  private static func removeDirectory(
    _ name: [CChar], in parent: Int32, depth: Int, tooDeep: (Int32, [CChar]) throws -> Void
  ) throws {
    // Reading a directory while names vanish from it may miss some: then it is read again.
    for _ in 0..<16 {
      let descriptor = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
      if descriptor < 0, errno == ENOENT { return }
      guard descriptor >= 0 else { throw RookeryError.system("open(removed tree)", errno) }
      try empty(descriptor, depth: depth, tooDeep: tooDeep)
      if unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT { return }
      guard errno == ENOTEMPTY else { break }
    }
    throw RookeryError.system("rmdir(removed tree)", errno)
  }

  /// Takes over `descriptor` and removes what is in it.
  private static func empty(_ descriptor: Int32, depth: Int, tooDeep: (Int32, [CChar]) throws -> Void) throws {
    defer { close(descriptor) }
    let stream = try open(".", in: descriptor)
    defer { closedir(stream) }
    while let (name, isDirectory) = next(in: stream) {
      if !isDirectory, unlinkat(descriptor, name, 0) == 0 || errno == ENOENT { continue }
      if depth >= maximumDepth {
        try tooDeep(descriptor, name)
      } else {
        try removeDirectory(name, in: descriptor, depth: depth + 1, tooDeep: tooDeep)
      }
    }
  }

  private static func open(_ path: String, in directory: Int32) throws -> OpaquePointer {
    let descriptor = openat(directory, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard descriptor >= 0 else { throw RookeryError.system("open(tree)", errno) }
    guard let stream = fdopendir(descriptor) else {
      close(descriptor)
      throw RookeryError.system("opendir(tree)", errno)
    }
    return stream
  }

  /// The next entry's name, as bytes, and whether it is a directory.
  private static func next(in stream: OpaquePointer) -> ([CChar], isDirectory: Bool)? {
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { Array(UnsafeBufferPointer(start: $0, count: strlen($0) + 1)) }
      }
      if name == [0x2e, 0] || name == [0x2e, 0x2e, 0] { continue }
      return (name, Int32(entry.pointee.d_type) == 4)
    }
    return nil
  }
}
