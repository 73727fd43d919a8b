import Foundation
import RookeryModel

extension History {
  /// A history that keeps every promise: two sessions with some prompts each, readers at several cursors, an alarm.
  package static func sample(seed: UInt64) throws -> History {
    var generator = SeededGenerator(seed: seed)
    var history = History()
    for number in 1...2 { try history.addSession(number, &generator) }
    return history
  }

  private mutating func addSession(_ number: Int, _ generator: inout SeededGenerator) throws {
    let session = try SessionID("s\(number)")
    let sandbox = try SandboxID("b\(number)")
    let repository = try RepositoryName("site")
    let ada = Author(user: try UserID("ada"), name: "Ada Lovelace", email: "ada@example.com")
    var log: [Event] = []
    func add(_ payload: EventPayload, turn: Int? = nil) {
      let seq = Int64(log.count) + 1
      log.append(Event(seq: seq, time: Date(timeIntervalSince1970: 1_800_000_000 + Double(seq)), turn: turn, payload: payload))
    }
    add(.sessionCreated(.init(repository: repository, branch: "rookery/\(session)", agent: try AgentName("command"), owner: ada)))
    var prompts: [Prompt] = []
    let turns = Int.random(in: 2...4, using: &generator)
    for turn in 1...turns {
      let prompt = try PromptID("p\(turn)")
      let text = "\(session) prompt \(turn)"
      let lines = (1...Int.random(in: 4...9, using: &generator)).map { "line \($0)\n" }
      add(.promptQueued(.init(prompt: prompt, text: text, author: ada)))
      let receipt = API.PromptReceipt(session: session, prompt: prompt, seq: Int64(log.count))
      attempts.append(
        .init(
          client: "client \(number)", requestId: "\(session)-\(turn)", text: text, output: lines.joined(), mustComplete: true,
          receipts: [receipt, receipt]))
      add(.turnStarted(.init(prompt: prompt, author: ada)), turn: turn)
      add(.sandboxReady(.init(sandbox: sandbox, source: turn == 1 ? .image : .running, image: nil, commit: nil)), turn: turn)
      for line in lines { add(.agentOutput(.init(stream: .stdout, text: line)), turn: turn) }
      add(.branchPushed(.init(branch: "rookery/\(session)", commit: "c\(turn)", remote: "https://example.com/site.git")), turn: turn)
      add(.turnFinished(.init(prompt: prompt, result: .completed, stopReason: "exit 0", commit: "c\(turn)", error: nil)), turn: turn)
      prompts.append(Prompt(id: prompt, text: text, author: ada, state: .completed, turn: turn))
    }
    for reader in 1...3 {
      let after = reader == 1 ? 0 : Int.random(in: 0..<log.count / 2, using: &generator)
      let end = reader == 1 ? log.count : Int.random(in: after + 4...log.count, using: &generator)
      streams.append(.init(reader: "reader \(reader)", session: session, after: Int64(after), events: Array(log[after..<end])))
    }
    finals.append(.init(session: session, log: log, state: .idle, prompts: prompts, sandbox: sandbox, head: "c\(turns)"))
    sandboxes.insert(sandbox)
    alarms.append(.init(session: session, name: "idle", outcome: .pending))
  }
}
