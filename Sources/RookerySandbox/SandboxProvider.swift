import RookeryModel

/// Where sandboxes run. Everything else — agents, git, images, terminals — is built on these calls, which map one to one
/// on what other providers offer.
package protocol SandboxProvider: Sendable {
  /// Starts a sandbox under the id in `specification`; repeated with the same id it returns the same sandbox.
  func create(_ specification: CreateSandbox) async throws -> any Sandbox
  /// The sandbox of that id if it still lives, after a restart of ours for instance.
  func attach(_ id: SandboxID) async throws -> (any Sandbox)?
  func list() async throws -> [SandboxRecord]
  /// Ends the sandbox with everything in it; with `keep` its filesystem becomes that snapshot. Idempotent.
  func terminate(_ id: SandboxID, keep: SnapshotID?) async throws
  /// Keeps the filesystem of a sandbox that goes on running, which stands still meanwhile. Idempotent by snapshot id.
  func snapshot(_ id: SandboxID, as snapshot: SnapshotID) async throws
  /// Stops every process of the sandbox where it stands, until `resume`. Both are idempotent.
  func pause(_ id: SandboxID) async throws
  func resume(_ id: SandboxID) async throws
  /// Ends a build sandbox and publishes its filesystem. Idempotent by image id.
  func publishImage(_ sandbox: SandboxID, manifest: ImageManifest) async throws
  func images() async throws -> [ImageManifest]
  /// Images with their sizes and what stands on them.
  func imageUse() async throws -> [ImageUse]
  func removeImage(_ id: ImageID) async throws
  func snapshots() async throws -> [SnapshotRecord]
  func removeSnapshot(_ id: SnapshotID) async throws
  func publishBundle(_ sandbox: SandboxID, manifest: BundleManifest) async throws
  func bundles() async throws -> [BundleManifest]
  func bases() async throws -> [BaseRecord]
  /// What this provider has and what of it is free now.
  func capacity() async throws -> HostCapacity
  /// Limits that were hit and sandboxes that ended, from `after` on; waits up to `wait` seconds for the first.
  func events(after: Int64, wait: Int) async throws -> [HostEvent]
}

/// One running sandbox. Every call is safe to repeat: ids and offsets make a repetition harmless.
package protocol Sandbox: Sendable {
  var id: SandboxID { get }
  /// Starts a process; does nothing when its id was started before.
  func start(_ process: ProcessSpec) async throws
  /// Output from `offsets` on, then the exit; works before, during and after the process's life. It ends with an error when the
  /// connection breaks: attach again at the offsets reached. The runner sends at most `window` bytes beyond what was
  /// acknowledged, so a slow consumer costs no memory.
  func output(of process: ProcessID, from offsets: StreamOffsets, window: Int) -> AsyncThrowingStream<ProcessEvent, any Error>
  /// Says that everything before `offsets` is stored; the sandbox may forget it.
  func acknowledge(_ process: ProcessID, _ offsets: StreamOffsets) async throws
  /// Writes at `offset` of stdin; bytes that were written before are skipped. Returns how far stdin is now written.
  func write(_ bytes: [UInt8], to process: ProcessID, at offset: UInt64) async throws -> UInt64
  func closeInput(of process: ProcessID) async throws
  /// Signals the process and everything that it started.
  func signal(_ process: ProcessID, _ signal: ProcessSignal) async throws
  /// Drops the connection; the sandbox lives on.
  func detach() async
}

extension Sandbox {
  /// Runs a process to its end and returns what it wrote. One that writes more than `limit` bytes to a stream is killed, and the
  /// result says so. Repeated with the same id after a restart, it returns the first run's result: nothing is acknowledged.
  package func run(_ process: ProcessSpec, limit: Int = 4 << 20) async throws -> ProcessResult {
    try await start(process)
    var result = ProcessResult(exit: .signal(ProcessSignal.kill.rawValue), stdout: [], stderr: [])
    var ended = false
    for try await event in output(of: process.id, from: StreamOffsets(), window: 2 * limit + (1 << 16)) {
      switch event {
      case .output(.stdout, _, let bytes): result.stdout.append(contentsOf: bytes.prefix(limit - result.stdout.count))
      case .output(.stderr, _, let bytes): result.stderr.append(contentsOf: bytes.prefix(limit - result.stderr.count))
      case .exited(let exit):
        result.exit = exit
        ended = true
      }
      if result.stdout.count == limit || result.stderr.count == limit {
        try await signal(process.id, .kill)
        result.truncated = true
        return result
      }
    }
    guard ended else {
      throw RookeryError(.unavailable, "The connection to the sandbox \(id) was closed.", mend: "Try again.")
    }
    return result
  }
}

package struct ProcessResult: Sendable, Equatable {
  package var exit: ProcessExit
  package var stdout: [UInt8]
  package var stderr: [UInt8]
  /// Whether the process was killed because it wrote too much.
  package var truncated = false
  package var output: String { String(decoding: stdout, as: UTF8.self) }
  package var errorOutput: String { String(decoding: stderr, as: UTF8.self) }

  package init(exit: ProcessExit, stdout: [UInt8], stderr: [UInt8]) {
    self.exit = exit
    self.stdout = stdout
    self.stderr = stderr
  }
}
