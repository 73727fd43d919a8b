import Foundation
import Glibc
import RookeryControl
import RookeryModel

/// A child in a session of its own: Ctrl-C in the terminal reaches the supervisor alone, which stops its children in order.
package struct SpawnedProcess: Sendable {
  package struct Specification: Sendable, Equatable {
    /// Absolute path of the program, then its arguments.
    package var argv: [String]
    /// The whole environment.
    package var environment: [String: String]
    /// Nil: as we are. Else setpriv(1) becomes that user before the program is run: nothing of ours runs between fork and exec.
    package var user: SystemUser?
    /// Where both outputs go; nil: to our standard error.
    package var log: Int32?

    package init(argv: [String], environment: [String: String], user: SystemUser? = nil, log: Int32? = nil) {
      self.argv = argv
      self.environment = environment
      self.user = user
      self.log = log
    }

    /// What is executed.
    package var command: [String] {
      guard let user else { return argv }
      return [
        "/usr/bin/setpriv", "--reuid=\(user.uid)", "--regid=\(user.gid)", "--init-groups", "--no-new-privs", "--inh-caps=-all",
        "--bounding-set=-all", "--",
      ] + argv
    }
  }

  package let pid: Int32
  package let identity: ProcessIdentity?

  /// Starts it. Throws `internal` with the step that failed.
  package init(_ specification: Specification) throws {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    let output = specification.log ?? STDERR_FILENO
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
    posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO)
    Self.closeOnExec()

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    var all = sigset_t()
    sigemptyset(&none)
    sigfillset(&all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF) | Self.setSession)

    let command = specification.command
    let environment = specification.environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
    var pid: pid_t = 0
    let error = Self.withCStrings(command) { argv in
      Self.withCStrings(environment) { environment in posix_spawn(&pid, command[0], &actions, &attributes, argv, environment) }
    }
    guard error == 0 else {
      throw RookeryError(
        .internal, "posix_spawn(\(command[0])) failed: \(String(cString: strerror(error))).",
        mend: "Check that the program is installed (setpriv is in util-linux).")
    }
    self.pid = pid
    identity = ProcessIdentity(pid: pid)
  }

  /// Waits for its end on a thread of its own and reaps it. To be called once.
  package func wait() async throws -> ChildExit {
    let pid = pid
    return try await BlockingThread.run(name: "wait-child") {
      var status: Int32 = 0
      while waitpid(pid, &status, 0) < 0 {
        guard errno == EINTR else {
          throw RookeryError(.internal, "waitpid(\(pid)) failed: \(String(cString: strerror(errno))).")
        }
      }
      return ChildExit(status: status)
    }
  }

  /// How it ended, and reaps it; nil while it lives. Not to be mixed with `wait`.
  package func exitIfEnded() -> ChildExit? {
    var status: Int32 = 0
    return waitpid(pid, &status, WNOHANG) == pid ? ChildExit(status: status) : nil
  }

  /// Nothing is inherited, whatever a library left open: the lock above all.
  private static func closeOnExec() {
    for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? [] {
      if let descriptor = Int32(name), descriptor > STDERR_FILENO { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
    }
  }

  /// POSIX_SPAWN_SETSID, which glibc declares for GNU sources only.
  private static let setSession: Int16 = 0x80

  private static func withCStrings<Result>(
    _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
  ) -> Result {
    var pointers: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) } + [nil]
    defer { for pointer in pointers { free(pointer) } }
    return pointers.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress else { preconditionFailure("an array with a terminator is not empty") }
      return body(UnsafePointer(base))
    }
  }
}
