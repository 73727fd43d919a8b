import RookeryModel

/// The prompts of a session that wait, as a value: in which order they run, and what one that comes does to the turn that runs.
///
/// Those that want to run next (a prompt that interrupts, one that could not steer) stand before the others in the order in which they
/// came; people may put any of them elsewhere.
struct PromptQueue: Sendable, Equatable {
  /// Prompts that may wait at once.
  static let limit = 100

  struct Entry: Sendable, Equatable {
    var prompt: PromptID
    var mode: PromptMode
  }

  /// What runs when a prompt comes.
  enum Standing: Sendable, Equatable {
    case idle
    /// The agent works and takes in what it is told.
    case steerable
    /// A turn runs that nothing can be told: `reason` says why.
    case busy(reason: String)
  }

  /// What a prompt that was added has the session do.
  enum Admission: Sendable, Equatable {
    case wait
    /// Give it to the running turn, then `take` it.
    case steer
    /// It can't reach the running turn: it runs next.
    case runNext(reason: String)
    /// Stop the running turn.
    case interrupt
  }

  /// The next one first.
  private(set) var waiting: [Entry] = []

  init(_ waiting: [Entry] = []) { self.waiting = waiting }

  var order: [PromptID] { waiting.map(\.prompt) }
  var next: PromptID? { waiting.first?.prompt }
  func contains(_ prompt: PromptID) -> Bool { waiting.contains { $0.prompt == prompt } }

  /// Adds a prompt. Throws `rateLimited` when too many wait, `conflict` when it waits already.
  mutating func add(_ prompt: PromptID, mode: PromptMode, while standing: Standing) throws(RookeryError) -> Admission {
    guard waiting.count < Self.limit else {
      throw RookeryError(.rateLimited, "\(Self.limit) prompts wait in this session already.", mend: "Wait, or cancel some.")
    }
    guard !contains(prompt) else { throw RookeryError(.conflict, "The prompt “\(prompt)” waits already.") }
    let entry = Entry(prompt: prompt, mode: mode)
    if mode == .queue { waiting.append(entry) } else { waiting.insert(entry, at: urgent) }
    switch (mode, standing) {
    case (.queue, _), (_, .idle): return .wait
    case (.steer, .steerable): return .steer
    case (.steer, .busy(let reason)): return .runNext(reason: reason)
    case (.interrupt, _): return .interrupt
    }
  }

  /// How many at the front want to run next.
  private var urgent: Int { waiting.prefix { $0.mode != .queue }.count }

  /// Takes a prompt out: it runs, was given to the running turn, or was cancelled. False when it does not wait.
  @discardableResult
  mutating func take(_ prompt: PromptID) -> Bool {
    guard let place = waiting.firstIndex(where: { $0.prompt == prompt }) else { return false }
    waiting.remove(at: place)
    return true
  }

  /// Puts a prompt that had been given to the running turn in vain before all others, whatever their number.
  mutating func putBack(_ prompt: PromptID) {
    guard !contains(prompt) else { return }
    waiting.insert(Entry(prompt: prompt, mode: .steer), at: 0)
  }

  /// Moves a prompt before another, or to the end. Throws `conflict` when one of them does not wait.
  mutating func move(_ prompt: PromptID, before other: PromptID?) throws(RookeryError) {
    guard let from = waiting.firstIndex(where: { $0.prompt == prompt }) else { throw Self.gone(prompt) }
    if prompt == other { return }
    if let other, !contains(other) { throw Self.gone(other) }
    let entry = waiting.remove(at: from)
    let place = other.flatMap { other in waiting.firstIndex { $0.prompt == other } } ?? waiting.count
    waiting.insert(entry, at: place)
  }

  /// Gives a prompt that waits another mode, as if it came now.
  mutating func change(_ prompt: PromptID, to mode: PromptMode, while standing: Standing) throws(RookeryError) -> Admission {
    guard let place = waiting.firstIndex(where: { $0.prompt == prompt }) else { throw Self.gone(prompt) }
    guard waiting[place].mode != mode else { return .wait }
    if mode == .queue {
      waiting[place].mode = mode
      return .wait
    }
    waiting.remove(at: place)
    return try add(prompt, mode: mode, while: standing)
  }

  static func gone(_ prompt: PromptID) -> RookeryError {
    RookeryError(.conflict, "The prompt “\(prompt)” does not wait any more.", mend: "The session's detail lists those that do.")
  }
}
