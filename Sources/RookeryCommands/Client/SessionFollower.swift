import Foundation
import Glibc
import RookeryModel

/// Shows a session's events until its end is reached or Ctrl-C lets go of it.
struct SessionFollower: Sendable {
  enum End: Sendable, Equatable {
    /// When that prompt's turn has ended.
    case prompt(PromptID)
    /// When every prompt that was seen has ended.
    case idle
    /// Never by itself.
    case never
  }

  let api: APIClient
  let session: SessionID
  let terminal: Terminal
  /// Prints each event's JSON instead of text for people.
  let json: Bool
  /// Shows agents' own logs, too.
  var isVerbose = false
  let end: End

  private enum Outcome: Sendable { case ended(ExitStatus), interrupted }

  /// Returns `success` or `failed` by the last turn's result, `detached` after Ctrl-C.
  func run(after: Int64 = 0) async throws -> ExitStatus {
    let interrupts = SignalStream(SIGINT, SIGTERM)
    return try await withThrowingTaskGroup(of: Outcome.self, returning: ExitStatus.self) { group in
      group.addTask { .ended(try await follow(after: after)) }
      group.addTask {
        for await _ in interrupts.signals { return .interrupted }
        throw CancellationError()
      }
      defer { group.cancelAll() }
      switch try await group.next() {
      case .ended(let status): return status
      case .interrupted, nil:
        terminal.note("\nLet go; the session goes on. Come back with: rookery watch \(session)")
        return .detached
      }
    }
  }

  private func follow(after: Int64) async throws -> ExitStatus {
    var renderer = EventRenderer(palette: terminal.output, isVerbose: isVerbose)
    var open: Set<PromptID> = []
    var status = ExitStatus.success
    try await EventFollower(api: api, session: session).follow(
      after: after, lost: { terminal.note("… connection lost (\($0.message)); waiting for the server") }
    ) { received in
      if json { terminal.line(received.json) } else { terminal.write(renderer.render(received.event)) }
      switch received.event.payload {
      case .promptQueued(let body): open.insert(body.prompt)
      case .promptCancelled(let body):
        open.remove(body.prompt)
        if end == .prompt(body.prompt) {
          status = .failed
          return .done
        }
      case .turnFinished(let body):
        let ended = [body.prompt] + (body.steered ?? [])
        open.subtract(ended)
        status = body.result == .completed ? .success : .failed
        if ended.contains(where: { end == .prompt($0) }) { return .done }
      default: return .more
      }
      return end == .idle && open.isEmpty ? .done : .more
    }
    if !json { terminal.write(renderer.finish()) }
    return status
  }
}

extension APIClient {
  /// Posts a body that carries a request id: when no answer comes it is sent again, and is done once.
  func postOnce<Answer: Decodable>(_ path: String, _ body: some Encodable, as type: Answer.Type) async throws -> Answer {
    var delay = ReconnectDelay()
    while true {
      do { return try await post(path, body, as: type) } catch let error as RookeryError
        where error.code == .unavailable && delay.attempts < 3
      {
        try await Task.sleep(for: delay.next())
      }
    }
  }
}
