import CSandbox
import Dispatch
import RookeryModel
import RookeryRunner
import Synchronization

/// A connection to the runner of one sandbox, with the semantics of `Sandbox` in `SandboxProvider.swift`.
///
/// When it breaks, every call and every stream fails with `sandboxLost`; processes live on, and a new connection goes on at the offsets
/// reached. Whatever the runner sends is bounded and checked: it may be under the control of what runs in the sandbox.
package final class RunnerConnection: Sendable {
  /// The sandbox that the runner says it serves.
  package let sandbox: SandboxID
  let link: RunnerLink

  private init(link: RunnerLink, sandbox: SandboxID) {
    self.link = link
    self.sandbox = sandbox
  }

  deinit { link.fail(RunnerLink.closed) }

  /// Connects and says hello, within `timeout`. Throws `sandboxLost` when nothing answers at `path`.
  package static func connect(socket path: String, timeout: Duration = .seconds(10)) async throws -> RunnerConnection {
    let milliseconds = Int32(clamping: timeout / .milliseconds(1) > 1 ? Int64(timeout / .milliseconds(1)) : 1)
    let descriptor: Int32 = try await withCheckedThrowingContinuation { continuation in
      // Connecting waits while the runner's backlog is full.
      DispatchQueue.global().async {
        var descriptor: Int32 = -1
        let error = cs_unix_connect(path, milliseconds, &descriptor)
        if error == 0 {
          continuation.resume(returning: descriptor)
        } else {
          continuation.resume(
            throwing: RookeryError(.sandboxLost, "The sandbox does not answer.", context: "connect(\(path)): \(SystemError.text(error))"))
        }
      }
    }
    let link = try RunnerLink(descriptor: descriptor)
    do {
      let reply = try await link.request(.hello(version: RunnerProtocol.version), within: timeout)
      guard case .hello(RunnerProtocol.version, let name) = reply, let sandbox = SandboxID(rawValue: name) else {
        throw RunnerLink.violation("no valid hello")
      }
      return RunnerConnection(link: link, sandbox: sandbox)
    } catch {
      link.fail(RunnerLink.closed)
      throw error
    }
  }

  /// Starts a process, unless its id was used before. Throws `agentFailed` naming the step when the program can't be started.
  package func start(_ process: ProcessSpec) async throws {
    let request = RunnerRequest.start(process.launch)
    guard request.frame(number: 0).count <= RunnerProtocol.largestFrame else {
      throw RookeryError(
        .tooLarge, "The command line and environment of “\(process.program)” are larger than 1 MiB.", mend: "Pass large values in files.")
    }
    do { try await link.done(request) } catch let failure as RunnerFailure { throw failure.error(starting: process) }
  }

  /// Says that everything before `offsets` is stored: the runner may forget it.
  package func acknowledge(_ process: ProcessID, _ offsets: StreamOffsets) async throws {
    try await mapping(process) {
      try await self.link.done(.acknowledge(process: process.rawValue, OutputOffsets(stdout: offsets.stdout, stderr: offsets.stderr)))
    }
  }

  /// Writes at `offset` of stdin; bytes that were written before are skipped. Returns when all are accepted, with how far stdin is
  /// written; waits for the process to read, until cancelled. Throws `conflict` when the process is gone or closed its stdin.
  package func write(_ bytes: [UInt8], to process: ProcessID, at offset: UInt64) async throws -> UInt64 {
    try await mapping(process) {
      var reached = offset
      while true {
        let rest = bytes.dropFirst(Int(reached - offset))
        let chunk = Array(rest.prefix(RunnerProtocol.largestWrite))
        let reply = try await self.link.request(.write(process: process.rawValue, offset: reached, bytes: chunk), within: nil)
        guard case .written(let now) = reply, now >= reached else { throw self.link.broken("an answer to a write that can't be") }
        if now - offset >= UInt64(bytes.count) { return now }
        reached = now
      }
    }
  }

  /// Ends the process's stdin after what was written.
  package func closeInput(of process: ProcessID) async throws {
    try await mapping(process) { try await self.link.done(.closeInput(process: process.rawValue)) }
  }

  /// Signals the process and everything that it started; does nothing when all of it is gone.
  package func signal(_ process: ProcessID, _ signal: ProcessSignal) async throws {
    try await mapping(process) { try await self.link.done(.signal(process: process.rawValue, signal.rawValue)) }
  }

  /// Every process that was started, with how it ended unless it still runs.
  package func processes() async throws -> [(id: ProcessID, exited: ProcessExit?)] {
    guard case .processes(let entries, more: false) = try await link.request(.list) else {
      throw link.broken("an answer to a list that can't be")
    }
    return try entries.map { entry in
      guard let id = ProcessID(rawValue: entry.process) else { throw link.broken("a process without a valid id") }
      return (id, entry.exit.map(ProcessExit.init))
    }
  }

  /// Output from `offsets` on, then the exit; works before, during and after the process's life.
  package func output(of process: ProcessID, from offsets: StreamOffsets, window: Int) -> AsyncThrowingStream<ProcessEvent, any Error> {
    let subscription = OutputSubscription(connection: self, process: process, from: offsets, window: window)
    return AsyncThrowingStream { try await subscription.next() }
  }

  /// Whether processes wait because the runner's journal is full, as it changes; ends with the connection.
  package func journalNotices() -> AsyncStream<JournalNotice> { link.journalNotices() }

  /// Drops the connection; the sandbox lives on.
  package func close() async { link.fail(RunnerLink.closed) }

  private func mapping<Result: Sendable>(_ process: ProcessID, _ body: () async throws -> Result) async throws -> Result {
    do { return try await body() } catch let failure as RunnerFailure { throw failure.error(process) }
  }
}

/// Whether the runner stopped reading output since its journal is full; sizes in bytes.
package struct JournalNotice: Sendable, Equatable {
  package var isFull: Bool
  package var used: UInt64
  package var limit: UInt64
}
