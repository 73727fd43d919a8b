import ArgumentParser
import Foundation
import RookeryModel

/// `rookery run`
struct RunCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Start a session with a prompt, and follow it.",
    discussion: "With --json: the receipt as the first line, then one event a line. Ctrl-C lets go; the session goes on.")

  @Option(help: "The repository to work on.")
  var repo: RepositoryName

  @Option(help: "The agent, instead of the repository's or the server's.")
  var agent: AgentName?

  @Flag(help: "Start it and print its id, without following.")
  var detach = false

  @Option(help: "Who may see it and work in it beside its participants: team, watch or private. (default: the server's)")
  var access: SessionAccess?

  @OptionGroup var attach: AttachOptions
  @OptionGroup var prompt: PromptOptions
  @OptionGroup var server: ServerOptions
  @OptionGroup var output: FollowOptions

  func run() async throws {
    let terminal = Terminal()
    var request = API.CreateSession(
      requestId: UUID().uuidString, repository: repo, prompt: try prompt.text(), agent: agent, author: prompt.author?.author,
      access: access)
    let status = try await server.client { api in
      request.attachments = try await attach.upload(api)
      let receipt = try await api.postOnce("/v1/sessions", request, as: API.PromptReceipt.self)
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
