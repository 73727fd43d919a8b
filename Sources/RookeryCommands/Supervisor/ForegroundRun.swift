import Foundation
import Glibc
import RookeryControl
import RookeryModel

/// One life of a supervisor: lock, directories, leftovers, processes.
struct ForegroundRun: Sendable {
  let settings: UpSettings
  let terminal: Terminal

  /// Runs until SIGTERM, SIGINT or `rookery down`. `onReady` is called when everything answers for the first time.
  func run(onReady: @escaping @Sendable () async -> Void) async throws -> ExitStatus {
    try makeDataDirectory()
    let lock = try FileLock(supervisorOf: settings.layout)
    let note: @Sendable (String) -> Void = { [terminal] in terminal.note("up: \($0)") }
    try settings.layout.prepare(users: settings.users)
    try await LeftoverProcesses(file: settings.layout.processes).end(note: note)
    let supervisor = Supervisor(settings: settings, note: note, onReady: onReady)
    let signals = SignalStream(SIGTERM, SIGINT, SIGHUP)
    let server = try ControlServer(path: settings.layout.upSocket, mode: 0o600, owner: nil, allowedUsers: [0]) { request, _, descriptors in
      for descriptor in descriptors { close(descriptor) }
      return try await Self.answer(request, supervisor)
    }
    defer { server.stop() }
    try? Data("\(getpid())\n".utf8).write(to: URL(fileURLWithPath: settings.layout.pidFile))
    defer { unlink(settings.layout.pidFile) }
    let watching = Task {
      for await _ in signals.signals { supervisor.stop() }
    }
    defer { watching.cancel() }
    let status = await supervisor.run()
    withExtendedLifetime(lock) {}
    return status
  }

  private static func answer(_ request: Data, _ supervisor: Supervisor) async throws -> Data {
    switch try JSON.decode(UpRequest.self, from: request) {
    case .status: try JSON.encode(UpResponse.status(await supervisor.status()))
    case .down: try JSON.encode(UpResponse.down(failures: await supervisor.down()))
    }
  }

  private func makeDataDirectory() throws {
    do {
      try FileManager.default.createDirectory(atPath: settings.layout.data, withIntermediateDirectories: true)
    } catch {
      throw RookeryError(
        .configurationInvalid, "The data directory \(settings.layout.data) can't be made.", mend: "Check its parent.", context: "\(error)")
    }
  }
}
