import CGlibc
import Dispatch
import Glibc
import RookeryModel
import Synchronization

/// A child whose standard output is read here, at the reader's pace.
///
/// The blocking calls run on queues of their own. It leads a process group; a child that nobody refers to any more is killed
/// with its group.
package final class ChildProcess: Sendable {
  private enum Life { case running, reaped(Int32) }

  package let pid: pid_t
  private let output: Int32
  private let reading = DispatchQueue(label: "rookery.child.read")
  private let waiting = DispatchQueue(label: "rookery.child.wait")
  private let life = Mutex(Life.running)

  /// Starts `arguments[0]` (an absolute path) with exactly `environment`.
  ///
  /// - Parameters:
  ///   - input: A descriptor for its standard input, borrowed; nil: `/dev/null`.
  ///   - errors: A descriptor for its standard error, borrowed; nil: `/dev/null`.
  /// - Throws: `internal`, naming the call that failed.
  package init(arguments: [String], environment: [String: String], input: Int32? = nil, errors: Int32? = nil) throws {
    // A socket pair, since it can be made close-on-exec in one step: no other child holds its end open.
    var ends: [Int32] = [-1, -1]
    let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { throw ChildProcess.failure("socketpair", errno) }
    defer { close(ends[1]) }
    do {
      pid = try ChildProcess.spawn(
        arguments: arguments, environment: environment, input: input, output: ends[1], errors: errors)
    } catch {
      close(ends[0])
      throw error
    }
    output = ends[0]
  }

  /// The next bytes of its standard output; empty at the end. One reader at a time. Cancelling kills the child.
  package func read(upTo size: Int = 1 << 16) async throws -> [UInt8] {
    try await withTaskCancellationHandler {
      try await blocking(on: reading) { [self] in
        try [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
          var got: Int
          repeat { got = Glibc.read(output, buffer.baseAddress, size) } while got < 0 && errno == EINTR
          // A child that was killed with unread input resets its socket: that is its end, too.
          guard got >= 0 || errno == ECONNRESET else { throw ChildProcess.failure("read of a child's output", errno) }
          count = max(0, got)
        }
      }
    } onCancel: {
      kill()
    }
  }

  /// Waits for its end: the exit code, or 128 + the signal that ended it. Cancelling kills the child.
  package func wait() async throws -> Int32 {
    try await withTaskCancellationHandler {
      try await blocking(on: waiting) { self.reap() }
    } onCancel: {
      kill()
    }
  }

  /// Ends it at once with everything in its process group. Harmless when it has ended.
  package func kill() {
    life.withLock { if case .running = $0 { _ = Glibc.kill(-pid, SIGKILL) } }
  }

  deinit {
    close(output)
    kill()
    guard case .running = life.withLock({ $0 }) else { return }
    waiting.async { [pid] in
      var status: Int32 = 0
      waitpid(pid, &status, 0)
    }
  }

  private func reap() -> Int32 {
    if case .reaped(let code) = life.withLock({ $0 }) { return code }
    // It stays a zombie until the lock is held, so that `kill` never meets a stranger under its id.
    var info = siginfo_t()
    while waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT) != 0 && errno == EINTR {}
    return life.withLock { life in
      var status: Int32 = 0
      waitpid(pid, &status, 0)
      let code = status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f)
      life = .reaped(code)
      return code
    }
  }

  static func failure(_ step: String, _ code: Int32) -> RookeryError {
    RookeryError(.internal, "A helper process failed.", context: "\(step): \(String(cString: strerror(code)))")
  }
}

extension ChildProcess {
  private static func spawn(
    arguments: [String], environment: [String: String], input: Int32?, output: Int32, errors: Int32?
  ) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    if let input {
      posix_spawn_file_actions_adddup2(&actions, input, 0)
    } else {
      posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    }
    posix_spawn_file_actions_adddup2(&actions, output, 1)
    if let errors {
      posix_spawn_file_actions_adddup2(&actions, errors, 2)
    } else {
      posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
    }
    // Sockets of NIO are inheritable: a child would keep a server's port open.
    posix_spawn_file_actions_addclosefrom_np(&actions, 3)

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    sigaddset(&signals, SIGPIPE)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))

    let argv = arguments.map { strdup($0) } + [nil]
    let envp = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { (argv + envp).forEach { free($0) } }
    var pid: pid_t = 0
    let failed = posix_spawn(&pid, arguments[0], &actions, &attributes, argv, envp)
    guard failed == 0 else { throw failure("posix_spawn of \(arguments[0])", failed) }
    return pid
  }
}

/// Runs a call that may block on `queue`, away from the cooperative pool.
func blocking<Value: Sendable>(on queue: DispatchQueue, _ call: @escaping @Sendable () throws -> Value) async throws -> Value {
  try await withCheckedThrowingContinuation { continuation in
    queue.async { continuation.resume(with: Result { try call() }) }
  }
}
