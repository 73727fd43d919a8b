import CSandbox
import Glibc

/// The directory of all journals of a sandbox: `<process id>.1` and `.2` hold stdout and stderr by offset, `.exit` how it ended.
final class JournalDirectory {
  private let descriptor: Int32

  init(path: String) throws(SystemFailure) {
    descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw SystemFailure(errno) }
  }

  func file(_ process: String, _ stream: OutputStream, ledger: StreamLedger = StreamLedger()) -> JournalFile {
    JournalFile(directory: descriptor, name: "\(process).\(stream.rawValue)", ledger: ledger)
  }

  /// Records how a process ended, whole or not at all.
  func recordExit(_ process: String, _ status: ExitStatus) throws(SystemFailure) {
    let temporary = "\(process).exit.new"
    let file = openat(descriptor, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard file >= 0 else { throw SystemFailure(errno) }
    let bytes = Array(ExitRecord.text(status).utf8)
    let count = write(file, bytes, bytes.count)
    let error = count < 0 ? errno : ENOSPC
    close(file)
    guard count == bytes.count else { throw SystemFailure(error) }
    guard renameat(descriptor, temporary, descriptor, "\(process).exit") == 0 else { throw SystemFailure(errno) }
  }

  /// Programs that wrote faster than they may, one a line: the host reads it and tells people.
  static let pacedName = "paced"
  /// Bytes that the list may have.
  private static let longestList = 4096

  /// Adds a program to that list; where that fails nothing but the news is lost.
  func notePaced(_ program: String) {
    let file = openat(descriptor, Self.pacedName, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o600)
    guard file >= 0 else { return }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0, status.st_size < Self.longestList else { return }
    let line = Array(program.utf8.prefix(200).map { $0 < 0x20 || $0 == 0x7f ? 0x3f : $0 }) + [0x0a]
    _ = write(file, line, line.count)
  }

  struct Found {
    var process: String
    var exit: ExitStatus
    var ledgers: (StreamLedger, StreamLedger)
  }

  /// What an earlier runner left here. A process without a record of its exit died with that runner, by SIGKILL.
  func leftovers() throws(SystemFailure) -> [Found] {
    let copy = openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard copy >= 0 else { throw SystemFailure(errno) }
    guard let listing = DirectoryListing(descriptor: copy) else { throw SystemFailure(errno) }
    var processes: Set<String> = []
    while let name = listing.next() {
      for suffix in [".1", ".2", ".exit"] where name.hasSuffix(suffix) {
        let process = name.dropLast(suffix.count)
        if ProcessName.isValid(process) { processes.insert(String(process)) }
      }
    }
    return processes.sorted().map { process in
      Found(
        process: process, exit: recordedExit(process) ?? .signal(SIGKILL),
        ledgers: (ledger("\(process).1"), ledger("\(process).2")))
    }
  }

  private func recordedExit(_ process: String) -> ExitStatus? {
    let file = openat(descriptor, "\(process).exit", O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: 64)
    let count = read(file, &bytes, bytes.count)
    guard count > 0 else { return nil }
    return ExitRecord.parse(String(decoding: bytes[..<count], as: UTF8.self))
  }

  private func ledger(_ name: String) -> StreamLedger {
    let file = openat(descriptor, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard file >= 0 else { return StreamLedger() }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0, status.st_size > 0 else { return StreamLedger() }
    return StreamLedger(end: UInt64(status.st_size), freed: cs_data_start(file, 0))
  }

  deinit { close(descriptor) }
}
