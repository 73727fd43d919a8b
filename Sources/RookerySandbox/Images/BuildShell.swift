import RookeryModel

/// Runs processes in a build sandbox, one after another, with their output going to the build's log.
struct BuildShell: Sendable {
  let sandbox: any Sandbox
  let log: BuildLog

  /// A program to run inside.
  struct Program: Sendable {
    var argv: [String]
    var account: ProcessSpec.Account
    var directory = "/"
    var environment: [String: String] = [:]
  }

  static let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

  /// What every program has unless `Program.environment` says otherwise.
  static func environment(of account: ProcessSpec.Account) -> [String: String] {
    let (user, home) = account == .root ? ("root", "/root") : ("agent", "/home/agent")
    return [
      "PATH": path, "HOME": home, "USER": user, "LOGNAME": user, "LANG": "C.UTF-8", "GIT_TERMINAL_PROMPT": "0",
      "DEBIAN_FRONTEND": "noninteractive",
    ].merging(SandboxTrust.environment) { $1 }
  }

  /// Runs `program` to its end, line by line into the log. A cancelled caller's program is killed.
  func run(_ program: Program, step: String) async throws -> ProcessExit {
    let specification = specification(program)
    try await sandbox.start(specification)
    do {
      return try await follow(specification, step: step)
    } catch {
      try? await uncancelled { [sandbox] in try await sandbox.signal(specification.id, .kill) }
      throw error
    }
  }

  private func follow(_ specification: ProcessSpec, step: String) async throws -> ProcessExit {
    var splitters: [OutputChunk.Stream: LineSplitter] = [.stdout: LineSplitter(), .stderr: LineSplitter()]
    var reached = StreamOffsets()
    var acknowledged: UInt64 = 0
    for try await event in sandbox.output(of: specification.id, from: reached, window: 1 << 20) {
      switch event {
      case .output(let stream, let offset, let bytes):
        try await log.add(splitters[stream, default: LineSplitter()].add(bytes), step: step)
        reached[stream] = offset + UInt64(bytes.count)
        // The log is no journal: what was read once is not read again.
        if reached.stdout + reached.stderr > acknowledged + 1 << 18 {
          acknowledged = reached.stdout + reached.stderr
          try await sandbox.acknowledge(specification.id, reached)
        }
      case .exited(let exit):
        for stream in [OutputChunk.Stream.stdout, .stderr] {
          if let rest = splitters[stream]?.finish() { try await log.add([rest], step: step) }
        }
        return exit
      }
    }
    // A stream whose consumer is cancelled simply ends.
    try Task.checkCancellation()
    throw RookeryError(.sandboxLost, "The build's sandbox ended while it worked.", mend: "Build the repository again.")
  }

  /// Runs `program`, which has to succeed; its output goes to the log. Throws `failure` with the exit code.
  func require(_ program: Program, step: String, _ failure: @Sendable (ProcessExit) -> RookeryError) async throws {
    let exit = try await run(program, step: step)
    guard exit.succeeded else { throw failure(exit) }
  }

  /// Runs `program` and returns what it wrote, at most `limit` bytes of each stream.
  func capture(_ program: Program, limit: Int) async throws -> ProcessResult {
    try await sandbox.run(specification(program), limit: limit)
  }

  /// Ends every process but the one that does it and the runner, which the kernel spares as the first.
  func reap() async throws {
    _ = try await capture(Program(argv: ["/bin/sh", "-c", "kill -KILL -1"], account: .root), limit: 4096)
  }

  private func specification(_ program: Program) -> ProcessSpec {
    ProcessSpec(
      id: .random(prefix: "p-"), argv: program.argv,
      environment: Self.environment(of: program.account).merging(program.environment) { _, given in given },
      directory: program.directory, account: program.account)
  }
}
