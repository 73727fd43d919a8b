import RookeryModel
import RookeryRunnerClient

/// A sandbox of this machine over the connection to its runner. A broken connection is made anew by the next call, as long as
/// the sandbox lives.
package actor LocalSandbox: Sandbox {
  package nonisolated let id: SandboxID
  private let socket: String
  private var connection: RunnerConnection?
  private var generation = 0
  private var detaches = 0

  /// How long a runner may take to answer a new connection.
  private static let connectTimeout = Duration.seconds(10)

  private init(id: SandboxID, socket: String) {
    self.id = id
    self.socket = socket
  }

  static func connected(to record: SandboxRecord) async throws -> LocalSandbox {
    let sandbox = LocalSandbox(id: record.id, socket: record.runnerSocket)
    _ = try await sandbox.current()
    return sandbox
  }

  package func start(_ process: ProcessSpec) async throws {
    try await repeated { try await $0.start(process) }
  }

  package nonisolated func output(
    of process: ProcessID, from offsets: StreamOffsets, window: Int
  ) -> AsyncThrowingStream<ProcessEvent, any Error> {
    // The runner stops `window` bytes beyond what was acknowledged, which bounds this buffer too.
    AsyncThrowingStream { continuation in
      let pump = Task {
        do {
          let runner = try await current().connection
          for try await event in runner.output(of: process, from: offsets, window: window) { continuation.yield(event) }
          continuation.finish()
        } catch {
          continuation.finish(throwing: error)
        }
      }
      continuation.onTermination = { _ in pump.cancel() }
    }
  }

  package func acknowledge(_ process: ProcessID, _ offsets: StreamOffsets) async throws {
    try await repeated { try await $0.acknowledge(process, offsets) }
  }

  package func write(_ bytes: [UInt8], to process: ProcessID, at offset: UInt64) async throws -> UInt64 {
    try await repeated { try await $0.write(bytes, to: process, at: offset) }
  }

  package func closeInput(of process: ProcessID) async throws {
    try await repeated { try await $0.closeInput(of: process) }
  }

  package func signal(_ process: ProcessID, _ signal: ProcessSignal) async throws {
    try await repeated { try await $0.signal(process, signal) }
  }

  package func detach() async {
    detaches += 1
    let old = connection
    connection = nil
    await old?.close()
  }

  /// Runs `body`, once more on a new connection when the first one broke: ids and offsets make the repetition harmless.
  private func repeated<Value: Sendable>(_ body: @Sendable (RunnerConnection) async throws -> Value) async throws -> Value {
    let (runner, used) = try await current()
    let detachesBefore = detaches
    do {
      return try await body(runner)
    } catch let error as RookeryError where error.code == .unavailable || error.code == .sandboxLost {
      try Task.checkCancellation()
      // Cut by us: whoever detached doesn't want it back.
      guard detaches == detachesBefore else { throw error }
      await drop(used)
      return try await body(try await current().connection)
    }
  }

  private func current() async throws -> (connection: RunnerConnection, generation: Int) {
    if let connection { return (connection, generation) }
    let made = try await RunnerConnection.connect(socket: socket, timeout: Self.connectTimeout)
    // Another call may have connected while this one waited.
    if let connection {
      await made.close()
      return (connection, generation)
    }
    connection = made
    generation += 1
    return (made, generation)
  }

  private func drop(_ broken: Int) async {
    guard generation == broken, let old = connection else { return }
    connection = nil
    await old.close()
  }
}
