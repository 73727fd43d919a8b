import ArgumentParser
import Foundation
import RookeryModel

/// `rookery prompt`
struct PromptCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prompt", abstract: "Send a follow-up prompt to a session, and follow it.",
    discussion: "With --json: the receipt as the first line, then one event a line. Ctrl-C lets go; the session goes on.")

  @Argument(help: "The session.")
  var session: SessionID

  @Flag(help: "Queue it and print its id, without following.")
  var detach = false

  @Flag var mode = PromptMode.queue

  @OptionGroup var attach: AttachOptions
  @OptionGroup var prompt: PromptOptions
  @OptionGroup var server: ServerOptions
  @OptionGroup var output: FollowOptions

  func run() async throws {
    let terminal = Terminal()
    var request = API.PostPrompt(
      requestId: UUID().uuidString, text: try prompt.text(), author: prompt.author?.author, mode: mode == .queue ? nil : mode)
    let status = try await server.client { api in
      request.attachments = try await attach.upload(api)
      let receipt = try await api.postOnce("/v1/sessions/\(session)/prompts", request, as: API.PromptReceipt.self)
      if output.json { try terminal.json(receipt) } else if detach { terminal.line(receipt.prompt.rawValue) }
      if detach { return ExitStatus.success }
      return try await SessionFollower(
        api: api, session: session, terminal: terminal, json: output.json, isVerbose: output.verbose, end: .prompt(receipt.prompt)
      ).run(after: receipt.seq - 1)
    }
    if status != .success { throw status }
  }
}
