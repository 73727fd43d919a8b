import Foundation
import Glibc
import RookeryModel

/// Starts a build (or joins the one that runs) and shows its log until it ends.
struct BuildFollower: Sendable {
  let api: APIClient
  let repository: RepositoryName
  let terminal: Terminal
  /// Whether it is built from the base even when nothing changed.
  var force = false

  /// Lines of a failed build's log that are shown again on a terminal, where they were overwritten.
  private static let shownLines = 20

  private enum Outcome: Sendable { case ended(BuildSummary), interrupted }

  /// Returns the summary of a build that succeeded; throws its error otherwise, and `ExitStatus.detached` after Ctrl-C.
  func run() async throws -> BuildSummary {
    let started = try await api.post("/v1/repositories/\(repository)/build\(force ? "?force=true" : "")", as: BuildSummary.self)
    let interrupts = SignalStream(SIGINT, SIGTERM)
    return try await withThrowingTaskGroup(of: Outcome.self, returning: BuildSummary.self) { group in
      group.addTask { .ended(try await follow(started)) }
      group.addTask {
        for await _ in interrupts.signals { return .interrupted }
        throw CancellationError()
      }
      defer { group.cancelAll() }
      guard case .ended(let summary)? = try await group.next() else {
        terminal.note("\nLet go; the build goes on. See it with: rookery repo show \(repository)")
        throw ExitStatus.detached
      }
      return summary
    }
  }

  /// The same as part of a step that somebody else shows.
  func wait(_ progress: ProgressLine) async throws -> BuildSummary {
    let started = try await api.post("/v1/repositories/\(repository)/build", as: BuildSummary.self)
    return try await read(started) { progress.update("\($0.step): \($0.text)") }
  }

  private func follow(_ started: BuildSummary) async throws -> BuildSummary {
    let progress = ProgressLine(terminal)
    var tail: [BuildLine] = []
    do {
      return try await progress.step("building the image of \(repository)") {
        try await read(started) { line in
          tail = (tail + [line]).suffix(Self.shownLines)
          progress.update("\(line.step): \(line.text)")
        }
      }
    } catch {
      if terminal.rewritesLines { for line in tail { terminal.note("  \(line.step): \(PrintableText.clean(line.text, oneLine: true))") } }
      throw error
    }
  }

  private func read(_ started: BuildSummary, isolation: isolated (any Actor)? = #isolation, take: (BuildLine) -> Void) async throws
    -> BuildSummary
  {
    var number = 0
    var delay = ReconnectDelay()
    while true {
      let log: API.BuildLog
      do {
        log = try await api.get("/v1/repositories/\(repository)/build/log?after=\(number)&wait=20", as: API.BuildLog.self)
        delay = ReconnectDelay()
      } catch let error as RookeryError where error.code == .unavailable && delay.attempts < 20 {
        try await Task.sleep(for: delay.next())
        continue
      }
      guard log.build.image == started.image else {
        throw RookeryError(
          .conflict, "Another build of \(repository) replaced this one.", mend: "See it with “rookery repo show \(repository)”.")
      }
      for line in log.lines {
        number = line.number
        take(line)
      }
      // The rest of an ended build's log may be on another page.
      guard log.lines.isEmpty else { continue }
      switch log.build.state {
      case .running: continue
      case .succeeded, .unchanged: return log.build
      case .failed:
        throw log.build.error
          ?? RookeryError(.setupFailed, "The build of \(repository) failed.", mend: "Its log says why: rookery repo build \(repository)")
      }
    }
  }
}
