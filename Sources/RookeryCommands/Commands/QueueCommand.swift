import ArgumentParser
import Foundation
import RookeryModel

/// `rookery queue`
struct QueueCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "queue", abstract: "See and change the prompts that wait in a session.",
    subcommands: [List.self, Edit.self, Move.self, Cancel.self], defaultSubcommand: List.self)

  /// `rookery queue list`
  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List the prompts that wait, the next one first.")

    @Argument(help: "The session.")
    var session: SessionID

    @OptionGroup var server: ServerOptions
    @OptionGroup var output: JSONOption

    func run() async throws {
      let terminal = Terminal()
      let detail = try await server.client { try await $0.get("/v1/sessions/\(session)", as: API.SessionDetail.self) }
      let waiting = detail.prompts.filter { $0.state == .queued }
      if output.json { return try terminal.json(waiting) }
      guard !waiting.isEmpty else { return terminal.note("No prompt waits.") }
      var table = Table("PROMPT", "BY", "MODE", "TEXT")
      for prompt in waiting {
        let line = prompt.text.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
        table.add(prompt.id.rawValue, prompt.author.name, prompt.mode.rawValue, String(line.prefix(80)))
      }
      terminal.line(table.text(terminal.output))
    }
  }

  /// `rookery queue edit`
  struct Edit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "edit", abstract: "Give a prompt that waits another text or mode; whoever writes the text is its author.")

    @Argument(help: "The session.")
    var session: SessionID

    @Argument(help: "The prompt.")
    var prompt: PromptID

    @Argument(help: "Its new text.")
    var text: String?

    @Option(help: "What it does to a running turn: queue, steer or interrupt.")
    var mode: String?

    @OptionGroup var server: ServerOptions

    func validate() throws {
      if text == nil, mode == nil { throw ValidationError("Give a text, --mode, or both.") }
      if let mode, PromptMode(rawValue: mode) == nil { throw ValidationError("--mode is queue, steer or interrupt.") }
    }

    func run() async throws {
      let body = API.EditPrompt(requestId: UUID().uuidString, text: text, mode: mode.flatMap { PromptMode(rawValue: $0) })
      _ = try await server.client { try await $0.patch("/v1/sessions/\(session)/prompts/\(prompt)", body, as: API.PromptReceipt.self) }
    }
  }

  /// `rookery queue move`
  struct Move: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "move", abstract: "Move a prompt that waits before another, or to the end.")

    @Argument(help: "The session.")
    var session: SessionID

    @Argument(help: "The prompt.")
    var prompt: PromptID

    @Option(help: "The prompt that it goes before; without it, it goes to the end.")
    var before: PromptID?

    @OptionGroup var server: ServerOptions

    func run() async throws {
      let body = API.EditPrompt(requestId: UUID().uuidString, before: before, last: before == nil ? true : nil)
      _ = try await server.client { try await $0.patch("/v1/sessions/\(session)/prompts/\(prompt)", body, as: API.PromptReceipt.self) }
    }
  }

  /// `rookery queue cancel`
  struct Cancel: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "cancel", abstract: "Cancel a prompt that waits.")

    @Argument(help: "The session.")
    var session: SessionID

    @Argument(help: "The prompt.")
    var prompt: PromptID

    @OptionGroup var server: ServerOptions

    func run() async throws {
      try await server.client { try await $0.send(.DELETE, "/v1/sessions/\(session)/prompts/\(prompt)") }
    }
  }
}

/// `rookery answer`
struct AnswerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "answer", abstract: "Answer what a session's agent asks; without an answer, list what it asks.")

  @Argument(help: "The session.")
  var session: SessionID

  @Argument(help: "The question; needed where the agent asks several.")
  var question: String?

  @Flag(help: "Allow it, once where the agent offers that.")
  var allow = false

  @Flag(help: "Refuse it.")
  var deny = false

  @OptionGroup var server: ServerOptions
  @OptionGroup var output: JSONOption

  func validate() throws {
    if allow, deny { throw ValidationError("Give --allow or --deny, not both.") }
  }

  func run() async throws {
    let terminal = Terminal()
    try await server.client { api in
      let open = try await api.get("/v1/sessions/\(session)", as: API.SessionDetail.self).permissions ?? []
      guard allow || deny else { return try list(open, terminal) }
      let asked = open.filter { question == nil || $0.id == question }
      guard let found = asked.first, asked.count == 1 else {
        throw RookeryError(
          asked.isEmpty ? .notFound : .badRequest,
          asked.isEmpty ? "The agent asks nothing of the kind." : "The agent asks \(asked.count) things.",
          mend: "“rookery answer \(session)” lists what it asks.")
      }
      let options = found.options.filter { $0.allows == allow }
      guard let option = options.first(where: { !$0.always }) ?? options.first else {
        throw RookeryError(.badRequest, "The agent offers no such answer.", mend: "“rookery answer \(session)” lists what it offers.")
      }
      try await api.send("/v1/sessions/\(session)/permissions/\(found.id)", API.AnswerPermission(option: option.number))
    }
  }

  private func list(_ open: [PermissionRequested], _ terminal: Terminal) throws {
    if output.json { return try terminal.json(open) }
    guard !open.isEmpty else { return terminal.note("The agent asks nothing.") }
    var table = Table("QUESTION", "TOOL", "ABOUT", "ANSWERS")
    for one in open {
      table.add(one.id, one.tool, String(one.detail.prefix(80)), one.options.map(\.name).joined(separator: ", "))
    }
    terminal.line(table.text(terminal.output))
  }
}
