import Foundation
import Glibc
import RookeryModel
import RookeryRunnerClient
import Testing

/// The real `rookery-runner` as a subprocess, with a socket and a journal of its own.
final class RunnerFixture: Sendable {
  let directory: String
  let pid: pid_t
  var socket: String { "\(directory)/s" }
  var journal: String { "\(directory)/journal" }

  /// The binary lies beside the test bundle.
  static let binary: String = {
    let bundle = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    return (bundle as NSString).deletingLastPathComponent + "/rookery-runner"
  }()

  /// Where a runner is started.
  enum Place {
    /// Beside the test.
    case here
    /// As the first process of a process namespace.
    case ownProcesses
    /// The same, in a root directory that holds its binary, its journal and /proc.
    case emptyRoot
    /// With its journal on a disk of one megabyte.
    case smallDisk
    /// Below another runner, whose mark limits ours.
    case nested
  }

  /// `directory` nil makes a new one; another runner's goes on with its journal. `shut`: whoever has the listener, too, shuts it.
  init(directory existing: String? = nil, journalLimit: Int? = nil, in place: Place = .here, shut: Bool = false) throws {
    directory = existing ?? "/tmp/rk-\(UInt64.random(in: 0..<1 << 48))"
    try FileManager.default.createDirectory(atPath: "\(directory)/journal", withIntermediateDirectories: true)
    let listener = try Self.listen(at: "\(directory)/s")
    defer { close(listener) }
    var command = [Self.binary]
    var journal = "\(directory)/journal"
    switch place {
    case .here: break
    case .nested: command = ["/usr/bin/prlimit", "--locks=2097152000:2097152000"] + command
    case .ownProcesses: command = ["/usr/bin/unshare", "--pid", "--fork", "--mount-proc"] + command
    case .emptyRoot:
      let root = "\(directory)/root"
      for name in ["journal", "proc"] {
        try FileManager.default.createDirectory(atPath: "\(root)/\(name)", withIntermediateDirectories: true)
      }
      // Mounted, not copied: a file that was just written may be busy, since other tests fork meanwhile.
      try Data().write(to: URL(filePath: "\(root)/runner"))
      command = ["/usr/bin/unshare", "--pid", "--fork", "--mount", "sh", "-c"]
      let mounts = "mount --bind \(Self.binary) \(root)/runner && mount -t proc proc \(root)/proc"
      command += ["\(mounts) && exec chroot \(root) /runner \"$@\"", "sh"]
      journal = "/journal"
    case .smallDisk:
      command = ["/usr/bin/unshare", "--mount", "sh", "-c"]
      command += ["mount -t tmpfs -o size=1m tmpfs \(journal) && exec \"$@\"", "sh", Self.binary]
    }
    command += ["--listen-fd", "3", "--journal", journal, "--sandbox", "sbx-test"]
    if let journalLimit { command += ["--journal-limit", "\(journalLimit)"] }
    pid = try Self.spawn(command, listener: listener)
    if shut { shutdown(listener, Int32(SHUT_RDWR)) }
  }

  /// The processes that were started by `pid`, as the test sees their numbers.
  static func children(of pid: pid_t) -> [pid_t] {
    let text = (try? String(contentsOfFile: "/proc/\(pid)/task/\(pid)/children", encoding: .utf8)) ?? ""
    return text.split(separator: " ").compactMap { pid_t($0) }
  }

  private static func listen(at path: String) throws -> Int32 {
    unlink(path)
    let descriptor = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    let bound = withUnixAddress(path) { bind(descriptor, $0, $1) }
    try #require(bound == 0 && Glibc.listen(descriptor, 64) == 0)
    return descriptor
  }

  private static func spawn(_ arguments: [String], listener: Int32) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    // The same number would keep its close-on-exec flag.
    let source = fcntl(listener, F_DUPFD_CLOEXEC, 10)
    defer { close(source) }
    posix_spawn_file_actions_adddup2(&actions, source, 3)
    var pointers = arguments.map { strdup($0) }
    pointers.append(nil)
    defer { for pointer in pointers { free(pointer) } }
    var pid: pid_t = 0
    let error = posix_spawn(&pid, arguments[0], &actions, nil, pointers, environ)
    try #require(error == 0, "posix_spawn: \(error)")
    return pid
  }

  /// The runner itself, where `pid` is what made its namespaces.
  var runnerPID: pid_t {
    let isWrapped = (try? String(contentsOfFile: "/proc/\(pid)/comm", encoding: .utf8))?.hasPrefix("unshare") == true
    return isWrapped ? Self.children(of: pid).first ?? pid : pid
  }

  func connect() async throws -> RunnerConnection { try await RunnerConnection.connect(socket: socket, timeout: .seconds(30)) }

  /// Kilobytes of resident memory.
  var residentKB: Int {
    let status = (try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") } ?? ""
    return Int(line.split(separator: " ").dropFirst().first ?? "") ?? -1
  }

  /// Processor time that it used, in clock ticks (hundredths of a second).
  var ticks: Int {
    let text = (try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)) ?? ""
    let fields = text.split(separator: ")").last?.split(separator: " ") ?? []
    return fields.count > 12 ? (Int(fields[11]) ?? 0) + (Int(fields[12]) ?? 0) : 0
  }

  /// Bytes that a file of the journal takes on disk, and its size.
  func disk(_ name: String) -> (used: Int, size: Int) {
    var status = stat()
    guard stat("\(journal)/\(name)", &status) == 0 else { return (0, 0) }
    return (Int(status.st_blocks) * 512, Int(status.st_size))
  }

  /// Ends the runner; returns what `waitpid` stored.
  @discardableResult
  func end(_ signal: Int32 = SIGTERM) async -> Int32 {
    kill(runnerPID, signal)
    return await withCheckedContinuation { continuation in
      DispatchQueue.global().async { [pid] in
        var status: Int32 = 0
        waitpid(pid, &status, 0)
        continuation.resume(returning: status)
      }
    }
  }

  func remove() { try? FileManager.default.removeItem(atPath: directory) }
}

func withUnixAddress<Result>(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
  var address = sockaddr_un()
  address.sun_family = sa_family_t(AF_UNIX)
  withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(107)) }
  return withUnsafePointer(to: &address) {
    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
  }
}

/// Runs `body` with a runner and a connection to it, and ends both.
func withRunner(
  journalLimit: Int? = nil, in place: RunnerFixture.Place = .here, _ body: (RunnerFixture, RunnerConnection) async throws -> Void
) async throws {
  let runner = try RunnerFixture(journalLimit: journalLimit, in: place)
  defer { runner.remove() }
  do {
    let connection = try await runner.connect()
    try await body(runner, connection)
    await connection.close()
  } catch {
    await runner.end()
    throw error
  }
  #expect(await runner.end() == 0)
}

/// Waits until `condition` holds.
func eventually(_ what: Comment, within: Duration = .seconds(60), _ condition: () async throws -> Bool) async throws {
  let deadline = ContinuousClock.now + within
  while try await !condition() {
    try #require(ContinuousClock.now < deadline, what)
    try await Task.sleep(for: .milliseconds(20))
  }
}

extension ProcessSpec {
  static func shell(_ script: String, id: String = "p", input: Bool = false, account: Account = .agent) throws -> ProcessSpec {
    ProcessSpec(
      id: try ProcessID(id), argv: ["sh", "-c", script], environment: ["PATH": "/usr/bin:/bin"], directory: "/", account: account,
      input: input)
  }
}

struct Collected {
  var stdout: [UInt8] = []
  var stderr: [UInt8] = []
  var exit: ProcessExit?
  var text: String { String(decoding: stdout, as: UTF8.self) }
}

extension RunnerConnection {
  /// Everything that a process wrote and how it ended; the exit must come last.
  func collect(_ id: ProcessID, from offsets: StreamOffsets = StreamOffsets(), window: Int = 1 << 24) async throws -> Collected {
    var result = Collected()
    for try await event in output(of: id, from: offsets, window: window) {
      #expect(result.exit == nil)
      switch event {
      case .output(.stdout, let offset, let bytes):
        #expect(offset == offsets.stdout + UInt64(result.stdout.count))
        result.stdout += bytes
      case .output(.stderr, let offset, let bytes):
        #expect(offset == offsets.stderr + UInt64(result.stderr.count))
        result.stderr += bytes
      case .exited(let exit): result.exit = exit
      }
    }
    return result
  }

  func run(_ spec: ProcessSpec) async throws -> Collected {
    try await start(spec)
    return try await collect(spec.id)
  }
}

/// A long output whose every byte follows from its offset, and a check that a piece of it is right.
enum Pattern {
  static let line = Array("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.\n".utf8)
  private static let repeated = [[UInt8]](repeating: line, count: (1 << 20) / 64 + 2).flatMap { $0 }

  static func script(_ count: Int) -> String {
    "yes 0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ. | head -c \(count)"
  }

  static func matches(_ bytes: [UInt8], at offset: UInt64) -> Bool {
    guard bytes.count <= 1 << 20 else { return false }
    return repeated.withUnsafeBytes { expected in
      bytes.withUnsafeBytes { actual in
        guard let left = expected.baseAddress, let right = actual.baseAddress else { return actual.isEmpty }
        return memcmp(left + Int(offset % 64), right, actual.count) == 0
      }
    }
  }
}
