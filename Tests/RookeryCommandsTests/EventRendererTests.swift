import Foundation
import RookeryModel
import Testing

@testable import RookeryCommands

@Suite struct EventRendererTests {
  private let ada = Author(user: .random(prefix: "u"), name: "Ada", email: "ada@example.com")

  private func render(_ payloads: [EventPayload], coloured: Bool = false, verbose: Bool = false) -> String {
    var renderer = EventRenderer(palette: Palette(isColoured: coloured), isVerbose: verbose)
    let text = payloads.enumerated().map { index, payload in
      renderer.render(Event(seq: Int64(index + 1), time: Date(timeIntervalSince1970: 0), turn: 1, payload: payload))
    }.joined()
    return text + renderer.finish()
  }

  private func created(agent: String) throws -> EventPayload {
    .sessionCreated(.init(repository: try RepositoryName("web"), branch: "rookery/s1", agent: try AgentName(agent), owner: ada))
  }

  @Test func joinsChunksAndBreaksLinesBetweenStreams() throws {
    let text = render([
      .agentMessage(.init(text: "I look")), .agentMessage(.init(text: " at it.")), .agentThought(.init(text: "hm")),
      .agentMessage(.init(text: "Done.\n")), .notice(.init(level: .info, text: "fine")),
    ])
    #expect(text == "I look at it.\nhm\nDone.\n  fine\n")
  }

  @Test func showsAScriptsErrorsButNotAnAgentsLog() throws {
    let output: EventPayload = .agentOutput(.init(stream: .stderr, text: "careful\n"))
    #expect(try render([created(agent: "command"), output]).contains("careful"))
    #expect(try !render([created(agent: "agentao"), output]).contains("careful"))
    #expect(try render([created(agent: "agentao"), output], verbose: true).contains("careful"))
  }

  @Test func showsTheEndOfTheLogWhenATurnFails() throws {
    let error = RookeryError(.agentFailed, "The agent ended with exit 3.", mend: "Look at its log.")
    let log = (1...50).map { "line \($0)\n" }.joined()
    let text = try render([
      created(agent: "agentao"), .turnStarted(.init(prompt: .random(prefix: "p"), author: ada)),
      .agentOutput(.init(stream: .stderr, text: log)),
      .turnFinished(.init(prompt: .random(prefix: "p"), result: .failed, stopReason: nil, commit: nil, error: error)),
    ])
    #expect(text.contains("line 50\n✗ turn failed\n  The agent ended with exit 3.\n  Look at its log.\n"))
    #expect(text.contains("line 41\n"))
    #expect(!text.contains("line 40\n"))
  }

  @Test func namesToolsByWhatTheyDo() {
    let call = ToolCall(
      id: "1", title: "run_shell_command", kind: "execute", status: "pending", content: [], locations: [],
      input: ["command": "make\ntest"])
    let edit = ToolUpdate(id: "2", title: "write_file", status: "completed", content: [.diff(path: "a.txt", old: nil, new: "x")])
    let text = render([
      .toolCall(call), .toolUpdate(.init(id: "1", status: "completed")), .toolUpdate(edit), .toolUpdate(.init(id: "1", status: "failed")),
    ])
    #expect(text == "  ▸ run_shell_command: make test\n  ▸ write_file\n    ± a.txt\n  ✗ run_shell_command\n")
  }

  @Test func saysThatAToolSucceededWhenOtherThingsCameBetween() {
    let call = ToolCall(id: "1", title: "test", kind: "execute", status: "pending", content: [], locations: [], input: nil)
    let text = render([.toolCall(call), .agentMessage(.init(text: "waiting")), .toolUpdate(.init(id: "1", status: "completed"))])
    #expect(text == "  ▸ test\nwaiting\n  ✓ test\n")
  }

  @Test func showsTheResults() {
    let text = render([
      .commitCreated(
        .init(commit: String(repeating: "a", count: 40), subject: "Add it", author: ada, files: 1, additions: 3, deletions: 2)),
      .branchPushed(.init(branch: "rookery/s1", commit: "a", remote: "https://git.example.org/web.git")),
      .stepFinished(.init(step: .pullRequest, milliseconds: 0)), .stepFinished(.init(step: .push, milliseconds: 1234)),
    ])
    #expect(
      text == """
        ✓ commit aaaaaaaaaaaa Add it
          by Ada <ada@example.com>, 1 file, +3 −2
        ✓ pushed rookery/s1 to https://git.example.org/web.git
          push took 1.2 s

        """)
  }

  /// Nothing that an agent, a repository or a newer server says steers the terminal.
  @Test func controlsNothing() throws {
    let evil = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31mred\u{202e}\r\u{8}"
    let prompt = PromptID.random(prefix: "p")
    let payloads: [EventPayload] = [
      .agentMessage(.init(text: evil)), .agentThought(.init(text: evil)), .agentOutput(.init(stream: .stdout, text: evil)),
      .promptQueued(.init(prompt: prompt, text: evil, author: .init(user: .random(prefix: "u"), name: evil, email: evil))),
      .sandboxLost(.init(sandbox: .random(prefix: "b"), reason: evil)), .limitHit(.init(limit: .memory, detail: evil)),
      .agentStarted(.init(agent: try AgentName("a"), title: evil, version: evil, conversation: .resumed)),
      .toolCall(
        .init(
          id: evil, title: evil, kind: evil, status: evil, content: [.diff(path: evil, old: evil, new: evil)], locations: [],
          input: ["command": .string(evil)])),
      .toolUpdate(.init(id: "x", title: evil, status: "failed")),
      .plan(.init(entries: [.init(content: evil, priority: evil, status: evil)])),
      .permissionAnswered(.init(tool: evil, option: evil, allowed: false)),
      .commitCreated(.init(commit: evil, subject: evil, author: ada, files: 1, additions: 1, deletions: 1)),
      .branchPushed(.init(branch: evil, commit: evil, remote: evil)), .workSaved(.init(ref: evil, commit: evil)),
      .pullRequestOpened(.init(number: 1, url: evil, title: evil, author: evil)),
      .turnFinished(
        .init(prompt: prompt, result: .failed, stopReason: evil, commit: evil, error: RookeryError(.internal, evil, mend: evil))),
      .notice(.init(level: .warning, text: evil)), .unknown(kind: evil, body: .null),
    ]
    for payload in payloads {
      let text = render([payload])
      #expect(!text.isEmpty, "\(payload.kind)")
      #expect(!text.unicodeScalars.contains { $0 != "\n" && ($0.value < 0x20 || (0x7f...0x9f).contains($0.value) || $0 == "\u{202e}") })
      #expect(!text.contains("owned") && !text.contains("2J") && !text.contains("31m"))
    }
  }
}
