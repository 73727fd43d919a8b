import ArgumentParser
import RookeryModel

/// `rookery sessions`
struct SessionsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "sessions", abstract: "List sessions, newest first.")

  @Option(help: "Only those of this repository.")
  var repo: RepositoryName?

  @Option(help: "At most so many.")
  var limit = 30

  @OptionGroup var server: ServerOptions
  @OptionGroup var output: JSONOption

  func validate() throws {
    guard (1...500).contains(limit) else { throw ValidationError("--limit must be from 1 to 500.") }
  }

  func run() async throws {
    let terminal = Terminal()
    let query = "?limit=\(limit)" + (repo.map { "&repository=\($0)" } ?? "")
    let sessions = try await server.client { try await $0.get("/v1/sessions\(query)", as: API.Sessions.self) }
    if output.json { return try terminal.json(sessions) }
    guard !sessions.sessions.isEmpty else { return terminal.note("No sessions yet. Start one with “rookery run”.") }
    var table = Table("SESSION", "REPOSITORY", "STATE", "BY", "UPDATED", "TITLE")
    for (session, depth) in Self.tree(sessions.sessions) {
      let state = session.state == .idle ? session.lastResult?.rawValue ?? "idle" : session.state.rawValue
      table.add(
        session.id.rawValue, session.repository.rawValue, state, session.owner.name, Quantity.ago(session.updated),
        String(repeating: "  ", count: max(0, depth - 1)) + (depth > 0 ? "└ " : "") + session.title)
    }
    terminal.line(table.text(terminal.output))
  }

  /// Sessions that agents started stand below those whose agents did, where both are listed.
  static func tree(_ sessions: [SessionSummary]) -> [(SessionSummary, depth: Int)] {
    let listed = Set(sessions.map(\.id))
    let below = Dictionary(grouping: sessions.filter { $0.parent.map(listed.contains) ?? false }) { $0.parent }
    func branch(_ session: SessionSummary, _ depth: Int) -> [(SessionSummary, depth: Int)] {
      [(session, depth)] + (below[session.id] ?? []).flatMap { branch($0, depth + 1) }
    }
    return sessions.filter { !($0.parent.map(listed.contains) ?? false) }.flatMap { branch($0, 0) }
  }
}

/// `rookery stop`
struct StopCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stop", abstract: "Stop a session's running turn; its work is kept.")

  @Argument(help: "The session.")
  var session: SessionID

  @OptionGroup var server: ServerOptions

  func run() async throws {
    try await server.client { try await $0.send(.POST, "/v1/sessions/\(session)/stop") }
  }
}

/// `rookery diff`
struct DiffCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff", abstract: "Show what a session changed, in colour on a terminal.")

  @Argument(help: "The session.")
  var session: SessionID

  @OptionGroup var server: ServerOptions

  func run() async throws {
    let terminal = Terminal()
    let diff = try await server.client { try await $0.bytes("/v1/sessions/\(session)/diff") }
    let text = String(decoding: diff, as: UTF8.self)
    // What is piped goes through untouched, so that it applies.
    terminal.write(terminal.output.isColoured ? DiffText.render(text, terminal.output) : text)
    if !text.hasSuffix("\n") { terminal.line() }
  }
}
