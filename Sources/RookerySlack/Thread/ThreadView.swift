import Foundation
import RookeryModel

/// What a thread shows of its session: a fold over the session's log, so that a restart, an outage or a slow channel change nothing but
/// when it is seen.
struct ThreadView: Sendable, Equatable {
  struct Step: Sendable, Equatable {
    var id: String
    var title: String
    var status: String
  }

  struct Turn: Sendable, Equatable {
    var number: Int
    var prompt: PromptID
    var author: Author
    /// What the machinery is at before the agent works.
    var phase = "Preparing a sandbox"
    var plan: [Plan.Entry] = []
    var steps: [Step] = []
    /// In the order in which they were touched first.
    var files: [String] = []
    /// What the agent said since its last step.
    var closing = ""
    var commits: [CommitCreated] = []
    var branch: String?
    var pullRequest: PullRequest?
    /// What people should know, with how often.
    var notices: [String] = []
    var pictures: [Artifact] = []
    var finished: TurnFinished?
  }

  private(set) var repository: RepositoryName?
  private(set) var turns: [Turn] = []
  private(set) var promptStates: [PromptID: Prompt.State] = [:]
  private(set) var pullRequest: PullRequest?
  private(set) var seq: Int64 = 0

  private static let closingLimit = 60_000
  private static let filesLimit = 500
  private static let stepsLimit = 2000
  private static let noticesLimit = 10

  var isWorking: Bool { promptStates.values.contains { $0 == .queued || $0 == .running } }

  mutating func apply(_ event: Event) {
    // A fold that was given an event twice would show it twice.
    guard event.seq > seq else { return }
    seq = event.seq
    switch event.payload {
    case .sessionCreated(let created): repository = created.repository
    case .promptQueued(let queued): promptStates[queued.prompt] = .queued
    case .promptCancelled(let cancelled): promptStates[cancelled.prompt] = .cancelled
    case .turnStarted(let started):
      promptStates[started.prompt] = .running
      turns.append(Turn(number: event.turn ?? turns.count + 1, prompt: started.prompt, author: started.author))
    case .turnFinished(let finished):
      promptStates[finished.prompt] =
        switch finished.result {
        case .completed: .completed
        case .failed: .failed
        case .interrupted: .interrupted
        }
      change(event) { $0.finished = finished }
    default: applyWork(event)
    }
  }

  private mutating func applyWork(_ event: Event) {
    switch event.payload {
    case .sandboxAwaited(let awaited):
      change(event) { $0.phase = "Waiting for room on the host (\(awaited.ahead) ahead)" }
    case .sandboxReady: change(event) { $0.phase = "Starting the agent" }
    case .agentStarted: change(event) { $0.phase = "Thinking" }
    case .plan(let plan): change(event) { $0.plan = plan.entries }
    case .toolCall(let call):
      change(event) { turn in
        turn.closing = ""
        if turn.steps.count < Self.stepsLimit {
          turn.steps.append(Step(id: call.id, title: Self.line(call.title, or: call.kind), status: call.status))
        }
        Self.touch(call.locations, call.content, kind: call.kind, in: &turn)
      }
    case .toolUpdate(let update):
      change(event) { turn in
        guard let index = turn.steps.lastIndex(where: { $0.id == update.id }) else { return }
        if let title = update.title { turn.steps[index].title = Self.line(title, or: turn.steps[index].title) }
        if let status = update.status { turn.steps[index].status = status }
        Self.touch(update.locations ?? [], update.content ?? [], kind: update.kind ?? "", in: &turn)
      }
    case .agentMessage(let chunk):
      change(event) { if $0.closing.utf8.count < Self.closingLimit { $0.closing += chunk.text } }
    default: applyResults(event)
    }
  }

  private mutating func applyResults(_ event: Event) {
    switch event.payload {
    case .commitCreated(let commit): change(event) { $0.commits.append(commit) }
    case .branchPushed(let pushed): change(event) { $0.branch = pushed.branch }
    case .pullRequestOpened(let pull), .pullRequestUpdated(let pull):
      pullRequest = pull
      change(event) { $0.pullRequest = pull }
    case .artifactCreated(let artifact) where artifact.kind == .screenshot: change(event) { $0.pictures.append(artifact) }
    case .notice(let notice) where notice.level == .warning: note(notice.text, event)
    case .limitHit(let hit): note("Limit hit: \(hit.limit.rawValue). \(hit.detail)", event)
    case .sandboxLost(let lost): note("The sandbox was lost: \(lost.reason)", event)
    case .workSaved: note("Unfinished work is kept with the session, not on a branch.", event)
    default: break
    }
  }

  private mutating func note(_ text: String, _ event: Event) {
    change(event) { turn in
      guard turn.notices.count < Self.noticesLimit, !turn.notices.contains(text) else { return }
      turn.notices.append(text)
    }
  }

  private mutating func change(_ event: Event, _ body: (inout Turn) -> Void) {
    guard let index = event.turn.flatMap({ number in turns.lastIndex { $0.number == number } }) else { return }
    body(&turns[index])
  }

  private static func touch(_ locations: [ToolLocation], _ content: [ToolContent], kind: String, in turn: inout Turn) {
    var paths = content.compactMap { part in if case .diff(let path, _, _) = part { path } else { nil } }
    if ["edit", "delete", "move"].contains(kind) { paths += locations.map(\.path) }
    for path in paths where turn.files.count < filesLimit && !turn.files.contains(path) { turn.files.append(path) }
  }

  private static func line(_ text: String, or fallback: String) -> String {
    let first = text.split(whereSeparator: \.isNewline).first.map { $0.trimmingCharacters(in: .whitespaces) } ?? ""
    return SlackText.clip(first.isEmpty ? fallback : first, to: 120)
  }
}
