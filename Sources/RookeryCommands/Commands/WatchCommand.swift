import ArgumentParser
import RookeryModel

/// `rookery watch`
struct WatchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "watch", abstract: "Follow a session: what happened so far, then what happens.",
    discussion: "It reconnects by itself. With --json: one event a line. Ctrl-C lets go; the session goes on.")

  @Argument(help: "The session.")
  var session: SessionID

  @Option(help: ArgumentHelp("Leave out the events up to this one.", valueName: "seq"))
  var after: Int64 = 0

  @Flag(help: "End when no prompt waits or runs, with the last turn's result as the exit code.")
  var untilIdle = false

  @OptionGroup var server: ServerOptions
  @OptionGroup var output: FollowOptions

  func validate() throws {
    if after < 0 { throw ValidationError("--after must not be negative.") }
  }

  func run() async throws {
    let terminal = Terminal()
    let status = try await server.client { api in
      let detail = try await api.get("/v1/sessions/\(session)", as: API.SessionDetail.self)
      let isIdle = !detail.prompts.contains { $0.state == .queued || $0.state == .running }
      // Nothing after that seq will come from an idle session.
      if untilIdle, isIdle, detail.session.seq <= after { return Self.status(of: detail.session) }
      return try await SessionFollower(
        api: api, session: session, terminal: terminal, json: output.json, isVerbose: output.verbose, end: untilIdle ? .idle : .never
      ).run(after: after)
    }
    if status != .success { throw status }
  }

  private static func status(of session: SessionSummary) -> ExitStatus {
    switch session.lastResult {
    case .completed, nil: .success
    case .failed, .interrupted: .failed
    }
  }
}
