import Crypto
import Foundation
import RookeryModel
import RookeryStore

extension LiveSession {
  /// The largest prompt, in bytes of UTF-8.
  static let maximumPrompt = 1 << 20
  /// What of a long prompt stands in its event; the whole is in the session's detail.
  private static let promptInEvent = 32 << 10

  /// Makes the file of a new session with its first prompt, in one transaction.
  static func begin(
    _ meta: SessionMeta, prompt: Prompt, request: String, digest: Data, services: SessionServices
  ) throws -> (receipt: API.PromptReceipt, store: SessionStore) {
    let store = try SessionStore(directory: services.directory, session: meta.id, create: true)
    let receipt = try store.write { transaction in
      let now = Date()
      if let earlier = try transaction.request(request) {
        return try repeated(earlier, digest: digest, session: meta.id)
      }
      try transaction.setMeta(JSON.encode(meta))
      _ = try transaction.append(
        .sessionCreated(
          .init(repository: meta.repository, branch: meta.branch, agent: meta.agent, owner: meta.owner, forkedFrom: meta.forkedFrom)),
        turn: nil, at: now)
      if let snapshot = meta.snapshot {
        // Its own reference keeps the snapshot when the session that it came from is deleted.
        try transaction.addSnapshot(StoredSnapshot(id: snapshot, seq: 1, turn: nil, created: now))
      }
      let event = try transaction.append(.promptQueued(event(of: prompt)), turn: nil, at: now)
      try transaction.enqueue(prompt, request: request, digest: digest, seq: event.seq)
      return API.PromptReceipt(session: meta.id, prompt: prompt.id, seq: event.seq)
    }
    return (receipt, store)
  }

  /// Commits a prompt to the queue and lets it run when its turn comes.
  func enqueue(_ text: String, author: Author, request: String, digest: Data) throws -> API.PromptReceipt {
    if let earlier = try store.read({ try $0.request(request) }) {
      return try Self.repeated(earlier, digest: digest, session: id)
    }
    guard queued < 100 else {
      throw RookeryError(.rateLimited, "100 prompts wait in this session already.", mend: "Wait, or cancel some.")
    }
    let prompt = Prompt(id: .random(prefix: "p"), text: text, author: author, state: .queued, turn: nil)
    var seq: Int64 = 0
    // The turn that runs now has nothing to do with this prompt, so its event belongs to none.
    try commit { transaction in
      let event = try transaction.append(.promptQueued(Self.event(of: prompt)), turn: nil, at: Date())
      try transaction.enqueue(prompt, request: request, digest: digest, seq: event.seq)
      seq = event.seq
      return [event]
    }
    queued += 1
    runIfIdle()
    return API.PromptReceipt(session: id, prompt: prompt.id, seq: seq)
  }

  func cancel(_ prompt: PromptID, by user: UserID) throws {
    guard let found = try store.read({ try $0.prompt(prompt) }) else {
      throw RookeryError(.notFound, "The session has no prompt “\(prompt)”.", mend: "Its detail lists them.")
    }
    guard found.state == .queued else {
      throw RookeryError(
        .conflict, "The prompt “\(prompt)” is \(found.state.rawValue) and can't be cancelled.", mend: "“rookery stop” ends a running turn.")
    }
    try commit { transaction in
      try transaction.setState(.cancelled, of: prompt, turn: nil)
      return [try transaction.append(.promptCancelled(.init(prompt: prompt, by: user)), turn: nil, at: Date())]
    }
    queued -= 1
  }

  func detail() throws -> API.SessionDetail {
    let (prompts, artifacts) = try store.read { (try $0.prompts(), try $0.artifacts()) }
    return API.SessionDetail(session: summary, prompts: prompts, artifacts: artifacts)
  }

  func artifact(_ artifact: ArtifactID) throws -> (Artifact, Data) {
    guard let found = try store.read({ try $0.artifact(artifact) }) else {
      throw RookeryError(.notFound, "The session has no artifact “\(artifact)”.", mend: "Its detail lists them.")
    }
    return found
  }

  private static func repeated(_ earlier: StoredRequest, digest: Data, session: SessionID) throws -> API.PromptReceipt {
    guard earlier.digest == digest else {
      throw RookeryError(
        .conflict, "This request id was used before with another body.", mend: "Use a new requestId for a new prompt.")
    }
    return API.PromptReceipt(session: session, prompt: earlier.prompt, seq: earlier.seq)
  }

  private static func event(of prompt: Prompt) -> PromptQueued {
    var text = prompt.text
    if text.utf8.count > promptInEvent {
      let start = String(decoding: Array(text.utf8.prefix(promptInEvent)), as: UTF8.self)
      text = start + "\n… (\(text.utf8.count - promptInEvent) bytes more in the session's detail)"
    }
    return PromptQueued(prompt: prompt.id, text: text, author: prompt.author)
  }
}
