import Glibc

/// Finds and signals everything that a process started, whatever became of sessions, groups and parents.
struct ProcessTree {
  /// The session that the process leads, while it is there to hold that number.
  let session: Int32?
  /// The marks that it and everything it started carry.
  let marks: ClosedRange<UInt64>

  /// How often the list is walked when killing: each walk finds what was forked during the one before.
  private static let rounds = 64

  func signal(_ number: Int32) {
    guard number == SIGKILL else {
      _ = signalOnce(number)
      return
    }
    if let session { kill(-session, SIGKILL) }
    for _ in 0..<Self.rounds where signalOnce(SIGKILL) == 0 { break }
  }

  private func signalOnce(_ number: Int32) -> Int {
    let directory = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard directory >= 0, let listing = DirectoryListing(descriptor: directory) else {
      guard let session else { return 0 }
      return kill(-session, number) == 0 ? 1 : 0
    }
    var count = 0
    while let name = listing.next() {
      guard let pid = Int32(name), pid > 1, pid != getpid(), isMember(name, in: listing.descriptor) else { continue }
      if kill(pid, number) == 0 { count += 1 }
    }
    return count
  }

  private func isMember(_ name: String, in directory: Int32) -> Bool {
    guard let stat = contents("\(name)/stat", in: directory), let status = ProcessStatus(stat: stat), !status.isDead else { return false }
    if status.session == session { return true }
    guard let limits = contents("\(name)/limits", in: directory), let mark = ProcessStatus.mark(limits: limits) else { return false }
    return marks.contains(mark)
  }

  private func contents(_ path: String, in directory: Int32) -> [UInt8]? {
    let file = openat(directory, path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    let bytes = [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
      count = max(0, read(file, buffer.baseAddress, buffer.count))
    }
    return bytes.isEmpty ? nil : bytes
  }
}
