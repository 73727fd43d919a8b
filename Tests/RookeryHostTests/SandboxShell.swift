import Foundation
import RookeryModel
import RookeryRunnerClient

@testable import RookeryHost

/// Runs shell commands in a sandbox through its runner.
struct SandboxShell: Sendable {
  var record: SandboxRecord
  var id: SandboxID { record.id }

  struct Output: Sendable {
    /// 128 and more: a signal.
    var code: Int32
    /// What it wrote to stdout and stderr, without the newline at the end.
    var text: String
  }

  /// Runs `command` with the base's shell.
  func run(_ command: String, as account: ProcessSpec.Account = .agent) async throws -> Output {
    let runner = try await RunnerConnection.connect(socket: record.runnerSocket, timeout: .seconds(60))
    let process = ProcessSpec(
      id: .random(prefix: "p-"), argv: ["/bin/sh", "-c", "exec 2>&1; " + command],
      environment: ["PATH": BubblewrapArguments.path, "HOME": account == .root ? "/root" : "/home/agent"],
      directory: account == .root ? "/" : "/workspace", account: account)
    try await runner.start(process)
    var text: [UInt8] = []
    var code: Int32 = -1
    for try await event in runner.output(of: process.id, from: StreamOffsets(), window: 1 << 20) {
      switch event {
      case .output(_, _, let bytes): text += bytes
      case .exited(.code(let value)): code = value
      case .exited(.signal(let signal)): code = 128 + signal
      }
    }
    await runner.close()
    return Output(code: code, text: String(decoding: text, as: UTF8.self).trimmingCharacters(in: .newlines))
  }
}
