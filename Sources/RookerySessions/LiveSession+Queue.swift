import Crypto
import Foundation
import Logging
import RookeryModel
import RookeryStore

/// What a prompt consists of when it comes.
struct NewPrompt: Sendable {
  var text: String
  var author: Author
  var mode = PromptMode.queue
  var files: [(attachment: Attachment, content: Data)] = []

  func prompt() -> Prompt {
    Prompt(
      id: .random(prefix: "p"), text: text, author: author, state: .queued, turn: nil, mode: mode,
      attachments: files.isEmpty ? nil : files.map(\.attachment))
  }

  /// Equal for requests that ask for the same.
  var digest: Data {
    var hash = SHA256()
    hash.update(data: Data(text.utf8))
    // A plain prompt's digest is what it was before there were modes and files.
    if mode != .queue || !files.isEmpty {
      hash.update(data: Data("\n\(mode.rawValue) \(files.map { "\($0.attachment.digest)/\($0.attachment.name)" })".utf8))
    }
    return Data(hash.finalize())
  }
}

extension LiveSession {
  /// The largest prompt, in bytes of UTF-8.
  static let maximumPrompt = 1 << 20
  /// What of a long prompt stands in its event; the whole is in the session's detail.
  private static let promptInEvent = 32 << 10

  /// Makes the file of a new session with its first prompt, in one transaction.
  static func begin(
    _ meta: SessionMeta, prompt new: NewPrompt, request: String, services: SessionServices
  ) throws -> (receipt: API.PromptReceipt, store: SessionStore) {
    let store = try SessionStore(directory: services.directory, session: meta.id, create: true, epoch: services.epoch)
    let receipt = try store.write { transaction in
      let now = Date()
      if let earlier = try transaction.request(request) {
        return try repeated(earlier, digest: new.digest, session: meta.id)
      }
      try transaction.setMeta(JSON.encode(meta))
      _ = try transaction.append(
        .sessionCreated(
          .init(
            repository: meta.repository, branch: meta.branch, agent: meta.agent, owner: meta.owner, forkedFrom: meta.forkedFrom,
            parent: meta.parent?.session)),
        turn: nil, at: now)
      if let snapshot = meta.snapshot {
        // Its own reference keeps the snapshot when the session that it came from is deleted.
        try transaction.addSnapshot(StoredSnapshot(id: snapshot, seq: 1, turn: nil, created: now))
      }
      let prompt = new.prompt()
      let event = try transaction.append(.promptQueued(event(of: prompt)), turn: nil, at: now)
      try add(prompt, new, request: request, seq: event.seq, to: transaction)
      return API.PromptReceipt(session: meta.id, prompt: prompt.id, seq: event.seq)
    }
    return (receipt, store)
  }

  private static func add(
    _ prompt: Prompt, _ new: NewPrompt, request: String, seq: Int64, to transaction: SessionTransaction
  ) throws {
    try transaction.enqueue(prompt, request: request, digest: new.digest, seq: seq)
    for file in new.files { try transaction.addAttachment(file.attachment.digest, content: file.content) }
  }

  /// Commits a prompt to the queue and lets it run when its turn comes, or at once as its mode says.
  func enqueue(_ new: NewPrompt, request: String) throws -> API.PromptReceipt {
    if let earlier = try store.read({ try $0.request(request) }) {
      return try Self.repeated(earlier, digest: new.digest, session: id)
    }
    let prompt = new.prompt()
    var next = queue
    let admission = try next.add(prompt.id, mode: prompt.mode, while: standing)
    var seq: Int64 = 0
    let joined = joinByPrompting(new.author)
    try change(to: next, admitting: prompt, as: admission) { transaction in
      let joined = try joined.map { try transaction.append($0, turn: nil, at: Date()) }
      // The turn that runs now has nothing to do with this prompt, so its event belongs to none.
      let event = try transaction.append(.promptQueued(Self.event(of: prompt)), turn: nil, at: Date())
      try Self.add(prompt, new, request: request, seq: event.seq, to: transaction)
      seq = event.seq
      return joined + [event]
    }
    return API.PromptReceipt(session: id, prompt: prompt.id, seq: seq)
  }

  /// What a prompt that comes now finds.
  var standing: PromptQueue.Standing {
    guard let turn, turn.phase != .done else { return .idle }
    guard !turn.stopRequested else { return .busy(reason: "The turn is being stopped.") }
    switch turn.phase {
    case .claim, .checkout: return .busy(reason: "The agent has not begun yet.")
    case .work where turn.prompted && turn.result == nil:
      return link?.interpreter.canSteer == true ? .steerable : .busy(reason: "This agent can't be told anything while it works.")
    default: return .busy(reason: "The agent does not work now.")
    }
  }

  /// Commits the queue's new order together with what `body` writes, then does what the admission of `prompt` asks for.
  private func change(
    to next: PromptQueue, admitting prompt: Prompt, as admission: PromptQueue.Admission,
    _ body: (SessionTransaction) throws -> [StoredEvent]
  ) throws {
    let number = turn?.number
    let stops = admission == .interrupt && turn?.stopRequested == false
    // The stop is as durable as the prompt that asks for it.
    if stops { turn?.requestStop() }
    try commit { transaction in
      var events = try body(transaction)
      try transaction.setOrder(next.order)
      if case .runNext(let reason) = admission {
        events.append(try transaction.append(.promptDeferred(.init(prompt: prompt.id, reason: reason)), turn: nil, at: Date()))
      }
      if stops {
        let stopping = TurnStopping(by: prompt.author, interruptedFor: prompt.id)
        events.append(try transaction.append(.turnStopping(stopping), turn: number, at: Date()))
      }
      return events
    }
    queue = next
    if admission == .steer {
      if prompt.attachments == nil { try steer(prompt) } else { Task { await self.steerWithFiles(prompt) } }
    }
    if stops { try carryOutStop() }
    runIfIdle()
  }

  /// The files first: what a message names must be there.
  private func steerWithFiles(_ prompt: Prompt) async {
    do {
      guard let sandbox else { return }
      try await place(prompt, in: sandbox)
      if queue.contains(prompt.id), standing == .steerable { return try steer(prompt) }
      guard queue.contains(prompt.id) else { return }
      try commit { [try $0.append(.promptDeferred(.init(prompt: prompt.id, reason: "The turn had just ended.")), turn: nil, at: Date())] }
    } catch {
      // It waits, as the next one.
      logger.notice("a prompt with files did not reach its turn", metadata: ["error": "\(error)"])
    }
  }

  /// Gives a prompt that waits to the turn that runs.
  private func steer(_ prompt: Prompt) throws {
    guard let before = link?.interpreter, let current = turn else { return }
    let files = try promptFiles(prompt)
    guard var meaning = link?.interpreter.steer(prompt.id, prompt.text, files: files), meaning.refusedSteers.isEmpty else {
      link?.interpreter = before
      return
    }
    meaning.events.insert(.promptSteered(.init(prompt: prompt.id, author: prompt.author)), at: 0)
    turn?.steers = (current.steers ?? []) + [.init(prompt: prompt.id, author: prompt.author)]
    do {
      try apply(meaning) { try $0.setState(.running, of: prompt.id, turn: current.number) }
    } catch {
      // It is in the queue still, as the next one.
      link?.interpreter = before
      throw error
    }
    queue.take(prompt.id)
  }

  func cancel(_ prompt: PromptID, by user: UserID) throws {
    let found = try waiting(prompt)
    try commit { transaction in
      try transaction.setState(.cancelled, of: found.id, turn: nil)
      return [try transaction.append(.promptCancelled(.init(prompt: found.id, by: user)), turn: nil, at: Date())]
    }
    queue.take(found.id)
  }

  /// Changes a prompt that waits: its text, its mode, its place.
  func edit(_ prompt: PromptID, _ request: API.EditPrompt, by person: Author) throws -> API.PromptReceipt {
    let key = "\(person.user)/\(request.requestId)"
    let digest = Data(SHA256.hash(data: try JSON.encode(["\(prompt)": request])))
    if let earlier = try store.read({ try $0.change(key) }) {
      guard earlier.digest == digest else { throw Self.usedBefore }
      return try JSON.decode(API.PromptReceipt.self, from: earlier.answer)
    }
    guard try store.read({ try $0.request(key) }) == nil else { throw Self.usedBefore }
    var found = try waiting(prompt)
    if let text = request.text, text != found.text {
      found.text = text
      found.author = person
    }
    var next = queue
    var admission = PromptQueue.Admission.wait
    if let mode = request.mode, mode != found.mode {
      admission = try next.change(prompt, to: mode, while: standing)
      found.mode = mode
    }
    if let before = request.before { try next.move(prompt, before: before) }
    if request.last == true { try next.move(prompt, before: nil) }
    let (order, moved) = (next.order, next != queue)
    let (edited, isReworded) = (found, request.text != nil)
    var receipt = API.PromptReceipt(session: id, prompt: prompt, seq: seq)
    try change(to: next, admitting: edited, as: admission) { transaction in
      var events: [StoredEvent] = []
      if isReworded {
        try transaction.setText(edited.text, author: edited.author, of: prompt)
        let body = PromptEdited(prompt: prompt, text: Self.shortened(edited.text), author: edited.author)
        events.append(try transaction.append(.promptEdited(body), turn: nil, at: Date()))
      }
      if moved {
        try transaction.setMode(edited.mode, of: prompt)
        events.append(
          try transaction.append(.promptMoved(.init(prompt: prompt, by: person.user, queue: order)), turn: nil, at: Date()))
      }
      if let last = events.last { receipt.seq = last.seq }
      try transaction.addChange(key, digest: digest, answer: JSON.encode(receipt))
      return events
    }
    return receipt
  }

  private func waiting(_ prompt: PromptID) throws -> Prompt {
    guard let found = try store.read({ try $0.prompt(prompt) }) else {
      throw RookeryError(.notFound, "The session has no prompt “\(prompt)”.", mend: "Its detail lists them.")
    }
    guard found.state == .queued, queue.contains(prompt) else {
      throw RookeryError(
        .conflict, "The prompt “\(prompt)” is \(found.state.rawValue) and can't be changed.", mend: "“rookery stop” ends a running turn.")
    }
    return found
  }

  func detail() throws -> API.SessionDetail {
    let (prompts, artifacts) = try store.read { (try $0.prompts(), try $0.artifacts()) }
    return API.SessionDetail(session: summary, prompts: prompts, artifacts: artifacts, permissions: openPermissions())
  }

  func artifact(_ artifact: ArtifactID) throws -> (Artifact, Data) {
    guard let found = try store.read({ try $0.artifact(artifact) }) else {
      throw RookeryError(.notFound, "The session has no artifact “\(artifact)”.", mend: "Its detail lists them.")
    }
    return found
  }

  private static func repeated(_ earlier: StoredRequest, digest: Data, session: SessionID) throws -> API.PromptReceipt {
    guard earlier.digest == digest else { throw usedBefore }
    return API.PromptReceipt(session: session, prompt: earlier.prompt, seq: earlier.seq)
  }

  static var usedBefore: RookeryError {
    RookeryError(.conflict, "This request id was used before with another body.", mend: "Use a new requestId for a new prompt.")
  }

  private static func event(of prompt: Prompt) -> PromptQueued {
    PromptQueued(
      prompt: prompt.id, text: shortened(prompt.text), author: prompt.author, mode: prompt.mode == .queue ? nil : prompt.mode,
      attachments: prompt.attachments)
  }

  private static func shortened(_ text: String) -> String {
    guard text.utf8.count > promptInEvent else { return text }
    let start = String(decoding: Array(text.utf8.prefix(promptInEvent)), as: UTF8.self)
    return start + "\n… (\(text.utf8.count - promptInEvent) bytes more in the session's detail)"
  }
}
