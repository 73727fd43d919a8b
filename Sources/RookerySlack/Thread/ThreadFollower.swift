import RookeryModel
import RookeryStore

/// What a thread must be told next: the difference between what its session's log says and what was asked to be shown.
struct ThreadFollower: Sendable {
  enum File: Sendable, Equatable {
    case text(ThreadMessages.Snippet)
    case picture(Artifact)
  }

  let place: SlackPlace
  let messages: ThreadMessages
  /// What an earlier run had shown already.
  let shown: Int64
  var view = ThreadView()
  private var wanted: [String: SlackContent] = [:]
  private var reactions: [String: String?] = [:]
  private var shared: Set<String> = []
  private var status: SlackAPI.AgentStatus?

  init(place: SlackPlace, messages: ThreadMessages, shown: Int64) {
    self.place = place
    self.messages = messages
    self.shown = shown
  }

  /// What changed since the last call, in the order in which it must be sent.
  mutating func changes(prompts: [Registry.SlackPrompt]) -> [(key: String, job: SlackSender.Job)] {
    // Nothing happened since an earlier run showed everything.
    let isOld = view.seq <= shown
    var jobs: [(String, SlackSender.Job)] = []
    for message in messages.messages(view) where wanted[message.key] != message.content {
      wanted[message.key] = message.content
      if !isOld { jobs.append((message.key, .show(message.content))) }
    }
    // What a message is marked with already is known to the sender.
    for prompt in prompts {
      let name = Self.reaction(view.promptStates[prompt.prompt])
      guard reactions[prompt.ts] != .some(name) else { continue }
      reactions[prompt.ts] = .some(name)
      jobs.append(("mark.\(prompt.ts)", .mark(ts: prompt.ts, name: name)))
    }
    let status: SlackAPI.AgentStatus = view.isWorking ? .processing : .active
    if self.status != status {
      self.status = status
      if !isOld { jobs.append(("status", .status(status, title: nil, initiator: nil))) }
    }
    return jobs
  }

  /// Files to share, each once.
  mutating func files() -> [File] {
    var files: [File] = messages.snippets(view).map { .text($0) }
    files += view.turns.flatMap(\.pictures).map { .picture($0) }
    return files.filter { file in
      let key =
        switch file {
        case .text(let snippet): snippet.key
        case .picture(let artifact): artifact.id.rawValue
        }
      return shared.insert(key).inserted
    }
  }

  private static func reaction(_ state: Prompt.State?) -> String? {
    switch state {
    case nil, .cancelled: nil
    case .queued, .running: "eyes"
    case .completed: "white_check_mark"
    case .failed: "x"
    case .interrupted: "octagonal_sign"
    }
  }
}
