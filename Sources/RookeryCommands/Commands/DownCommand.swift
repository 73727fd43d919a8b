import ArgumentParser
import Foundation
import Glibc
import RookeryControl
import RookeryModel

/// `rookery down`
struct DownCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "down", abstract: "End everything: sandboxes (sessions keep their files), then all processes. Needs root.")

  @OptionGroup var data: DataOptions

  func run() async throws {
    guard geteuid() == 0 else {
      throw RookeryError(.hostUnsupported, "“rookery down” needs root.", mend: "Run: sudo rookery down")
    }
    let terminal = Terminal()
    let layout = try data.layout()
    let progress = ProgressLine(terminal)
    let failures: [String]
    if FileLock.isHeld(path: layout.upLock) {
      failures = try await progress.step("ending sandboxes and processes") { try await Self.ask(layout) }
    } else {
      guard FileManager.default.fileExists(atPath: layout.host) else { return terminal.note("Nothing runs for \(layout.data).") }
      failures = try await progress.step("ending what was left running") { try await Self.clear(layout) }
    }
    for failure in failures { terminal.note("! \(PrintableText.clean(failure))") }
    if !failures.isEmpty { throw ExitStatus.failed }
  }

  /// Asks the supervisor, and waits until it is gone.
  private static func ask(_ layout: DataLayout) async throws -> [String] {
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
  private static func clear(_ layout: DataLayout) async throws -> [String] {
    let lock = try FileLock(supervisorOf: layout)
    let users = try SystemUsers.find()
    try layout.prepare(users: users)
    try await LeftoverProcesses(file: layout.processes).end { _ in }
    let environment = ProcessInfo.processInfo.environment
    let invoker = Invoker(environment: environment)
    let settings = UpSettings(
      layout: layout, users: users, program: try Program.path(), configurationFile: nil, port: nil, localUsers: [],
      admin: invoker.author, environment: environment, tokenVariables: [], address: "")
    let notes = NoteKeeper()
    let supervisor = Supervisor(settings: settings, note: { notes.add($0) })
    let status = await supervisor.run(clearing: true)
    let failures = await supervisor.down()
    withExtendedLifetime(lock) {}
    return status == .success ? [] : failures + notes.all
  }
}
