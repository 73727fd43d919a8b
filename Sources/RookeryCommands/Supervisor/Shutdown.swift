import Foundation
import RookeryControl
import RookeryModel

/// Ends everything of a data directory: sandboxes, then processes.
struct Shutdown: Sendable {
  let layout: DataLayout
  let progress: ProgressLine

  /// Returns what went wrong, in words; nil when there was nothing to end.
  func run() async throws -> [String]? {
    if FileLock.isHeld(path: layout.upLock) {
      return try await progress.step("ending sandboxes and processes") { try await ask() }
    }
    guard FileManager.default.fileExists(atPath: layout.host) else { return nil }
    return try await progress.step("ending what was left running") { try await clear() }
  }

  /// Asks the supervisor, and waits until it is gone.
  private func ask() async throws -> [String] {
    let client = ControlClient(path: layout.upSocket, allowedServers: [0])
    let answer = try await client.call(UpRequest.down, as: UpResponse.self, timeout: .seconds(3600))
    guard case .down(let failures) = answer else {
      throw RookeryError(.internal, "The supervisor's answer is not understood.", mend: "Use the same version of the program.")
    }
    let deadline = ContinuousClock.now + .seconds(120)
    while FileLock.isHeld(path: layout.upLock) {
      guard ContinuousClock.now < deadline else {
        return failures + ["The supervisor does not end; its process id is in \(layout.pidFile)."]
      }
      try await Task.sleep(for: .milliseconds(50))
    }
    return failures
  }

  /// Nobody supervises: ends left processes, then starts `host` alone to end the sandboxes.
  private func clear() async throws -> [String] {
    let lock = try FileLock(supervisorOf: layout)
    let users = try SystemUsers.find()
    try layout.prepare(users: users)
    try await LeftoverProcesses(file: layout.processes).end { progress.update($0) }
    let environment = ProcessInfo.processInfo.environment
    let settings = UpSettings(
      layout: layout, users: users, program: try Program.path(), configurationFile: nil, port: nil, localUsers: [],
      admin: Invoker(environment: environment).author, environment: environment, tokenVariables: [], address: "")
    let notes = NoteKeeper()
    let supervisor = Supervisor(settings: settings, note: { notes.add($0) })
    let status = await supervisor.run(clearing: true)
    let failures = await supervisor.down()
    withExtendedLifetime(lock) {}
    return status == .success ? [] : failures + notes.all
  }
}
