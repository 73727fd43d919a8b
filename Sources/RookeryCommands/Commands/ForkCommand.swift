import ArgumentParser
import Foundation
import RookeryModel

/// `rookery fork`
struct ForkCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fork", abstract: "Start a session of its own from an earlier point of another, and follow it.",
    discussion: """
      The new session has the files as a snapshot of the other has them, a branch of its own, and a log of its own. “rookery snapshot” \
      lists the points. Ctrl-C lets go; the session goes on.
      """)

  @Argument(help: "The session to go on from.")
  var session: SessionID

  @Option(help: ArgumentHelp("From the newest snapshot at or before this event. (default: the newest)", valueName: "seq"))
  var at: Int64?

  @Flag(help: "Start it and print its id, without following.")
  var detach = false

  @OptionGroup var prompt: PromptOptions
  @OptionGroup var server: ServerOptions
  @OptionGroup var output: FollowOptions

  func validate() throws {
    if let at, at < 1 { throw ValidationError("--at must be the number of an event: 1 or more.") }
  }

  func run() async throws {
    let terminal = Terminal()
    let request = API.ForkSession(requestId: UUID().uuidString, prompt: try prompt.text(), at: at, author: prompt.author?.author)
    let status = try await server.client { api in
      let receipt = try await api.postOnce("/v1/sessions/\(session)/fork", request, as: API.PromptReceipt.self)
      if output.json {
        try terminal.json(receipt)
      } else if detach {
        terminal.line(receipt.session.rawValue)
      } else {
        terminal.note(terminal.diagnostics.paint("session \(receipt.session)", .dim))
      }
      if detach { return ExitStatus.success }
      return try await SessionFollower(
        api: api, session: receipt.session, terminal: terminal, json: output.json, isVerbose: output.verbose, end: .prompt(receipt.prompt)
      ).run()
    }
    if status != .success { throw status }
  }
}
