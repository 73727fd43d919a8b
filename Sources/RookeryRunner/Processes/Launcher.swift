import CSandbox
import Glibc

/// Starts processes.
struct Launcher {
  /// How long the steps up to `execve` may take.
  private static let timeoutMilliseconds: Int32 = 10_000
  /// Accounts by uid and gid; root keeps the runner's own.
  private static let agent: UInt32 = 1000

  /// The soft limit of open files that processes get.
  let fileLimit: UInt64
  /// What they can raise it to; 0: what the runner may have itself.
  let mostFiles: UInt64

  struct Started {
    var pid: Int32
    /// Non-blocking, close-on-exec.
    var stdout: Int32
    var stderr: Int32
    /// The write end of stdin; -1 when it is `/dev/null`.
    var input: Int32
  }

  func start(_ request: LaunchRequest, mark: UInt64) throws(RunnerFailure) -> Started {
    let output = try Pipe()
    let errors = try Pipe()
    let input = request.input ? try Pipe() : nil
    let null = request.input ? nil : try NullDevice()
    let standard = (input?.reading.number ?? null?.descriptor.number ?? -1, output.writing.number, errors.writing.number)
    let pid = try spawn(request, mark: mark, standard: standard)
    let ours = [output.reading, errors.reading] + (input.map { [$0.writing] } ?? [])
    for end in ours { _ = fcntl(end.number, F_SETFL, O_NONBLOCK) }
    return Started(pid: pid, stdout: output.reading.take(), stderr: errors.reading.take(), input: input?.writing.take() ?? -1)
  }

  private func spawn(_ request: LaunchRequest, mark: UInt64, standard: (Int32, Int32, Int32)) throws(RunnerFailure) -> Int32 {
    let candidates = PathSearch.candidates(program: request.arguments.first ?? [], environment: request.environment)
    let isAgent = request.account == .agent
    var pid: pid_t = 0
    var step = CS_SPAWN_NONE
    let error = withStrings(candidates) { candidates in
      withStrings(request.arguments) { arguments in
        withStrings(request.environment) { environment in
          withStrings([request.directory]) { directory in
            candidates.withMemoryRebound(to: UnsafePointer<CChar>?.self) { paths in
              var plan = cs_spawn_plan(
                candidates: paths.baseAddress, argv: arguments.baseAddress, envp: environment.baseAddress, directory: directory[0],
                standard: standard, change_account: isAgent && geteuid() != Self.agent ? 1 : 0, uid: Self.agent, gid: Self.agent,
                drop_capabilities: isAgent ? 1 : 0, mark: mark, files: fileLimit, most_files: mostFiles,
                timeout_ms: Self.timeoutMilliseconds)
              return cs_spawn(&plan, &pid, &step)
            }
          }
        }
      }
    }
    guard error == 0 else {
      throw .launch(LaunchStep(rawValue: UInt8(truncatingIfNeeded: step.rawValue)) ?? .execute, error: error)
    }
    return pid
  }

  /// A descriptor that is closed when nobody took it.
  private final class Descriptor {
    private(set) var number: Int32
    init(_ number: Int32) { self.number = number }
    func take() -> Int32 {
      defer { number = -1 }
      return number
    }
    deinit { if number >= 0 { close(number) } }
  }

  private struct Pipe {
    let reading: Descriptor
    let writing: Descriptor
    init() throws(RunnerFailure) {
      var ends: (Int32, Int32) = (-1, -1)
      let error = cs_pipe(&ends.0, &ends.1)
      guard error == 0 else { throw .launch(.outputPipe, error: error) }
      reading = Descriptor(ends.0)
      writing = Descriptor(ends.1)
    }
  }

  private struct NullDevice {
    let descriptor: Descriptor
    init() throws(RunnerFailure) {
      let number = open("/dev/null", O_RDONLY | O_CLOEXEC)
      guard number >= 0 else { throw .launch(.nullDevice, error: errno) }
      descriptor = Descriptor(number)
    }
  }
}

/// Calls `body` with `strings` as C keeps them: zero-ended, the list ending with nil.
private func withStrings<Result>(
  _ strings: [[UInt8]], _ body: (UnsafeMutableBufferPointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
  var bytes: [CChar] = []
  var starts: [Int] = []
  for string in strings {
    starts.append(bytes.count)
    bytes.append(contentsOf: string.lazy.map { CChar(bitPattern: $0) })
    bytes.append(0)
  }
  return bytes.withUnsafeMutableBufferPointer { storage in
    var pointers: [UnsafeMutablePointer<CChar>?] = starts.map { storage.baseAddress?.advanced(by: $0) }
    pointers.append(nil)
    return pointers.withUnsafeMutableBufferPointer { body($0) }
  }
}
