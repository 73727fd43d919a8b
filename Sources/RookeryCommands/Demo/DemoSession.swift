import Foundation
import RookeryModel

/// What the demo asks of the running server, and what it shows of the answers.
struct DemoSession: Sendable {
  let demo: Demo
  let api: APIClient
  let address: String
  let repository: DemoRepository.Made
  let url: String

  private var terminal: Terminal { demo.terminal }

  func run() async throws {
    terminal.line(
      "  \(repository.name): \(repository.commits) commits, from \(PrintableText.clean(repository.origin, oneLine: true)), served at \(url)"
    )
    _ = try await demo.step("add repository") {
      try await api.post("/v1/repositories", API.AddRepository(name: repository.name, url: url), as: Repository.self)
    }
    let agent = try AgentName("agentao")
    try await demo.step("agent \(agent)") {
      let agents = try await api.get("/v1/agents", as: API.Agents.self).agents
      if agents.contains(where: { $0.name == agent && $0.installed }) { return demo.progress.update("It is installed.") }
      try await api.install(agent) { demo.progress.update($0) }
    }
    try await demo.step("image") {
      _ = try await BuildFollower(api: api, repository: repository.name, terminal: terminal).wait(demo.progress)
    }
    let link = try await api.post("/v1/login-links", API.CreateLoginLink(), as: API.LoginLink.self)
    let receipt = try await api.postOnce(
      "/v1/sessions",
      API.CreateSession(
        requestId: UUID().uuidString, repository: repository.name, prompt: demo.prompt, agent: agent, author: demo.author),
      as: API.PromptReceipt.self)
    terminal.line("\nWatch it at \(address)/sessions/\(receipt.session) after signing in at \(link.url.reveal())\n")
    let turn = try await follow(receipt)
    try await show(receipt.session, turn)
  }

  private struct Turn {
    var finished: TurnFinished?
    var commit: CommitCreated?
    var pushed: BranchPushed?
  }

  private func follow(_ receipt: API.PromptReceipt) async throws -> Turn {
    var renderer = EventRenderer(palette: terminal.output)
    var turn = Turn()
    var parts: [StepFinished] = []
    let start = ContinuousClock.now
    try await EventFollower(api: api, session: receipt.session).follow(after: 0) { received in
      terminal.write(renderer.render(received.event))
      switch received.event.payload {
      case .stepFinished(let body) where body.step != .pullRequest: parts.append(body)
      case .commitCreated(let body): turn.commit = body
      case .branchPushed(let body): turn.pushed = body
      case .turnFinished(let body):
        turn.finished = body
        return .done
      default: break
      }
      return .more
    }
    terminal.write(renderer.finish())
    demo.times.add("turn", ContinuousClock.now - start)
    for part in parts { demo.times.add("  " + EventRenderer.name(of: part.step), .milliseconds(part.milliseconds)) }
    return turn
  }

  /// The branch as the remote has it, the commit, the diff, the times.
  private func show(_ session: SessionID, _ turn: Turn) async throws {
    guard let finished = turn.finished, finished.result == .completed else {
      throw turn.finished?.error ?? RookeryError(.agentFailed, "The turn did not complete.", mend: "What it did is above.")
    }
    guard let pushed = turn.pushed else {
      throw RookeryError(.agentFailed, "The agent changed nothing, so nothing was pushed.", mend: "Ask for a change with --prompt.")
    }
    let git = try GitProgram(home: URL(fileURLWithPath: repository.path).deletingLastPathComponent().deletingLastPathComponent().path)
    let ref = "refs/heads/\(pushed.branch)"
    let remote = try await git("-C", repository.path, "log", "-1", "--format=%h %s%n%an <%ae>", ref)
    let lines = remote.split(separator: "\n").map { PrintableText.clean(String($0), oneLine: true) }
    let palette = terminal.output
    terminal.line("\n\(palette.paint("On the remote", .bold)) \(url)")
    terminal.line("  branch  \(palette.paint(PrintableText.clean(pushed.branch, oneLine: true), .green))")
    terminal.line("  commit  \(lines.first ?? "")")
    terminal.line("  author  \(lines.dropFirst().first ?? "")\n")
    let diff = String(decoding: try await api.bytes("/v1/sessions/\(session)/diff"), as: UTF8.self)
    terminal.line(DiffText.render(diff, palette))
    terminal.line(demo.times.table())
    terminal.line("\nThe session: \(address)/sessions/\(session)")
  }
}
