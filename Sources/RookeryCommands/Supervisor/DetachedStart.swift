import Foundation
import Glibc
import RookeryControl
import RookeryModel

/// Starts a supervisor in the background and waits until everything answers.
struct DetachedStart: Sendable {
  let settings: UpSettings
  let terminal: Terminal
  /// Part of a step that somebody else shows.
  var isQuiet = false

  private static let patience = Duration.seconds(120)
  /// Bytes after which a log is put aside at the next start.
  private static let logLimit = 16 << 20

  private enum Outcome: Sendable { case ready, ended(ChildExit), late }

  /// Throws the background process' exit status after showing the end of its log.
  func run() async throws {
    let layout = settings.layout
    guard !FileLock.isHeld(path: layout.upLock) else {
      throw RookeryError(
        .conflict, "Rookery already runs for \(layout.data).", mend: "See it with “rookery doctor”, stop it with “rookery down”.")
    }
    let log = try openLog()
    defer { close(log) }
    let start = lseek(log, 0, SEEK_END)
    let child = try SpawnedProcess(.init(argv: settings.detachedCommand, environment: settings.environment, log: log))
    let outcome =
      isQuiet
      ? await outcome(of: child) : await ProgressLine(terminal).run("starting Rookery") { () -> Outcome in await self.outcome(of: child) }
    switch outcome {
    case .ready: return
    case .ended(let exit):
      showLog(from: start)
      guard case .code(let code) = exit, let status = ExitStatus(rawValue: code), status != .success else { throw ExitStatus.failed }
      throw status
    case .late:
      showLog(from: start)
      throw RookeryError(
        .unavailable, "Rookery was started, but does not answer after \(Quantity.text(Self.patience)).",
        mend: "Its log is \(layout.log); “rookery doctor” looks for the cause.")
    }
  }

  /// Asks until the supervisor says that everything answers, it ends, or patience does.
  private func outcome(of child: SpawnedProcess) async -> Outcome {
    let client = ControlClient(path: settings.layout.upSocket, allowedServers: [0])
    let deadline = ContinuousClock.now + Self.patience
    while ContinuousClock.now < deadline {
      if let exit = child.exitIfEnded() { return .ended(exit) }
      if case .status(let status)? = try? await client.call(UpRequest.status, as: UpResponse.self, timeout: .seconds(5)), status.isReady {
        return .ready
      }
      guard (try? await Task.sleep(for: .milliseconds(100))) != nil else { return .late }
    }
    return .late
  }

  private func openLog() throws -> Int32 {
    let layout = settings.layout
    try? FileManager.default.createDirectory(atPath: layout.data, withIntermediateDirectories: true)
    let size = (try? FileManager.default.attributesOfItem(atPath: layout.log))?[.size] as? Int ?? 0
    if size > Self.logLimit { rename(layout.log, layout.log + ".1") }
    let log = open(layout.log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard log >= 0 else {
      throw RookeryError(.internal, "open(\(layout.log)) failed: \(String(cString: strerror(errno))).", mend: "Check the data directory.")
    }
    return log
  }

  private func showLog(from start: off_t) {
    guard let handle = FileHandle(forReadingAtPath: settings.layout.log) else { return }
    try? handle.seek(toOffset: UInt64(max(0, start)))
    let text = String(decoding: (try? handle.readToEnd()) ?? Data(), as: UTF8.self)
    for line in text.split(separator: "\n").suffix(30) { terminal.note("  \(PrintableText.clean(String(line)))") }
  }
}
