import CSandbox
import Foundation
import Glibc
import RookeryControl

/// One of `serve`'s own programs (git, pip) run to its end: without a shell, in a process group of its own, with exactly the
/// given environment, `/dev/null` as stdin, no other descriptor, a bounded time and a bounded output.
struct LocalCommand: Sendable {
  var argv: [String]
  var environment: [String: String]
  var directory = "/"
  var timeout: Duration
  /// Bytes of stdout and of stderr that are kept; a program that writes more goes on, the rest is dropped and `truncated` set.
  var outputLimit = 1 << 20

  struct Result: Sendable, Equatable {
    /// 128 + the signal for a program that a signal ended, as in a shell.
    var code: Int32
    var output: [UInt8]
    var errorOutput: [UInt8]
    var truncated: Bool

    var text: String { String(decoding: output, as: UTF8.self) }
    var errorText: String { String(decoding: errorOutput, as: UTF8.self) }
  }

  enum Failure: Error, Equatable {
    case notStarted(step: String, errno: Int32)
    case timedOut
  }

  /// `observe` is called on a thread of its own with every piece of stdout and stderr. Cancellation kills the whole group.
  /// Throws `Failure` or `CancellationError`.
  func run(observe: (@Sendable ([UInt8]) -> Void)? = nil) async throws -> Result {
    let wake = try WakeDescriptor()
    return try await withTaskCancellationHandler {
      try Task.checkCancellation()
      return try await BlockingThread.run(name: "command") { try CommandRun(command: self, wake: wake, observe: observe).run() }
    } onCancel: {
      wake.signal()
    }
  }
}

/// An eventfd that ends a `poll` from another thread.
final class WakeDescriptor: Sendable {
  let descriptor: Int32

  init() throws(LocalCommand.Failure) {
    descriptor = cs_event_descriptor()
    if descriptor < 0 { throw .notStarted(step: "eventfd", errno: -descriptor) }
  }

  func signal() {
    var one: UInt64 = 1
    _ = write(descriptor, &one, 8)
  }

  deinit { close(descriptor) }
}

/// The blocking side of one `LocalCommand`.
private struct CommandRun {
  let command: LocalCommand
  let wake: WakeDescriptor
  let observe: (@Sendable ([UInt8]) -> Void)?

  func run() throws -> LocalCommand.Result {
    let output = try Pipe()
    defer { output.closeBoth() }
    let errors = try Pipe()
    defer { errors.closeBoth() }
    let child = try spawn(output: output.writing, errors: errors.writing)
    output.closeWriting()
    errors.closeWriting()
    var reaped = false
    defer {
      if !reaped {
        kill(-child, SIGKILL)
        _ = wait(for: child)
      }
    }
    var result = LocalCommand.Result(code: 0, output: [], errorOutput: [], truncated: false)
    try collect(from: [output.reading, errors.reading], into: &result)
    // Whatever is left of the group has closed both streams: it does nothing that we asked for.
    let code = try waitUntilDeadline(for: child)
    reaped = true
    kill(-child, SIGKILL)
    result.code = code
    return result
  }

  private let deadline: ContinuousClock.Instant

  init(command: LocalCommand, wake: WakeDescriptor, observe: (@Sendable ([UInt8]) -> Void)?) {
    self.command = command
    self.wake = wake
    self.observe = observe
    deadline = .now + command.timeout
  }

  private func spawn(output: Int32, errors: Int32) throws -> pid_t {
    var argv: [UnsafeMutablePointer<CChar>?] = command.argv.map { strdup($0) } + [nil]
    var environment: [UnsafeMutablePointer<CChar>?] = command.environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { (argv + environment).forEach { free($0) } }
    var child = pid_t()
    let error = cs_spawn_command(&argv, &environment, command.directory, output, errors, &child)
    guard error == 0 else { throw LocalCommand.Failure.notStarted(step: "start \(command.argv[0])", errno: error) }
    return child
  }

  /// Reads both streams until they end, the deadline or the wake-up.
  private func collect(from descriptors: [Int32], into result: inout LocalCommand.Result) throws {
    var open = descriptors
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while !open.isEmpty {
      var polled = open.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
      polled.append(pollfd(fd: wake.descriptor, events: Int16(POLLIN), revents: 0))
      let ready = poll(&polled, nfds_t(polled.count), try remainingMilliseconds())
      if ready < 0 && errno != EINTR { throw LocalCommand.Failure.notStarted(step: "poll", errno: errno) }
      guard ready > 0 else { continue }
      if polled[polled.count - 1].revents != 0 { throw CancellationError() }
      for entry in polled.dropLast() where entry.revents != 0 {
        let count = read(entry.fd, &buffer, buffer.count)
        if count < 0 && (errno == EINTR || errno == EAGAIN) { continue }
        guard count > 0 else {
          open.removeAll { $0 == entry.fd }
          continue
        }
        keep(buffer[..<count], isOutput: entry.fd == descriptors[0], in: &result)
      }
    }
  }

  private func keep(_ bytes: ArraySlice<UInt8>, isOutput: Bool, in result: inout LocalCommand.Result) {
    observe?(Array(bytes))
    let room = command.outputLimit - (isOutput ? result.output.count : result.errorOutput.count)
    if bytes.count > room { result.truncated = true }
    if isOutput {
      result.output.append(contentsOf: bytes.prefix(max(0, room)))
    } else {
      result.errorOutput.append(contentsOf: bytes.prefix(max(0, room)))
    }
  }

  private func remainingMilliseconds() throws -> Int32 {
    let left = deadline - .now
    guard left > .zero else { throw LocalCommand.Failure.timedOut }
    return Int32(clamping: left.components.seconds * 1000 + left.components.attoseconds / 1_000_000_000_000_000 + 1)
  }

  /// A program may close its streams and live on: its end is awaited on a pidfd, within the same deadline.
  private func waitUntilDeadline(for child: pid_t) throws -> Int32 {
    let descriptor = cs_pidfd_open(child)
    guard descriptor >= 0 else { throw LocalCommand.Failure.notStarted(step: "pidfd_open", errno: -descriptor) }
    defer { close(descriptor) }
    while true {
      var polled = [
        pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0), pollfd(fd: wake.descriptor, events: Int16(POLLIN), revents: 0),
      ]
      guard poll(&polled, 2, try remainingMilliseconds()) > 0 else { continue }
      if polled[0].revents != 0 { return wait(for: child) }
      throw CancellationError()
    }
  }

  private func wait(for child: pid_t) -> Int32 {
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0 && errno == EINTR {}
    let signal = status & 0x7f
    return signal == 0 ? (status >> 8) & 0xff : 128 + signal
  }
}

/// A pipe whose ends are closed once.
private final class Pipe {
  private(set) var reading: Int32 = -1
  private(set) var writing: Int32 = -1

  init() throws {
    let error = cs_pipe(&reading, &writing)
    guard error == 0 else { throw LocalCommand.Failure.notStarted(step: "pipe2", errno: error) }
  }

  func closeWriting() {
    if writing >= 0 { close(writing) }
    writing = -1
  }

  func closeBoth() {
    closeWriting()
    if reading >= 0 { close(reading) }
    reading = -1
  }
}
