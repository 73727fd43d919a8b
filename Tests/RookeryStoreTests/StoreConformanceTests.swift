import Foundation
import GRDB
import RookeryModel
import Synchronization
import Testing

@testable import RookeryStore

/// What every session store must do, held against the real one (a file, reopened at random) and a simulated one (in memory, whose
/// commits fail or whose answers get lost, as its seed has it). A failure names the seed.
@Suite(.timeLimit(.minutes(2))) struct StoreConformanceTests {
  enum Kind: Sendable, CustomTestStringConvertible {
    case real(seed: UInt64)
    case simulated(seed: UInt64)

    var testDescription: String {
      switch self {
      case .real(let seed): "real, seed \(seed)"
      case .simulated(let seed): "simulated, seed \(seed)"
      }
    }
  }

  /// New ones in each run, beside some that stay.
  static let kinds: [Kind] =
    [1, 2, .random(in: 1000...9999)].map { .real(seed: $0) }
    + ([1, 2, 3, 4] + (0..<12).map { _ in .random(in: 1000...9999_999) }).map { .simulated(seed: $0) }

  @Test(arguments: kinds) func whatWasAcknowledgedIsThereOnceAndInOrder(kind: Kind) throws {
    var subject = try Subject(kind)
    defer { subject.remove() }
    for step in 0..<100 { try subject.step(step) }
    try subject.check()
  }

  @Test(arguments: [1, 77] as [UInt64]) func theSimulationHasFaultsAndIsRepeatable(seed: UInt64) throws {
    var runs: [[String]] = []
    for _ in 0..<2 {
      var subject = try Subject(.simulated(seed: seed))
      for step in 0..<100 { try subject.step(step) }
      try subject.check()
      runs.append(subject.faults)
    }
    #expect(runs[0] == runs[1])
    #expect(Set(runs[0]).count == 2, "both kinds of faults happen: \(runs[0])")
  }

  /// A store that forgets what it acknowledged must be found out.
  @Test func theSuiteFindsALostWrite() throws {
    var subject = try Subject(.simulated(seed: 5))
    for step in 0..<50 { try subject.step(step) }
    try subject.loseTheNewest()
    #expect(throws: (any Error).self) { try subject.check() }
  }
}

/// A store under test beside what it must hold.
private struct Subject {
  private struct Deviation: Error, CustomStringConvertible {
    var description: String
  }

  private var generator: SplitMix
  private let directory: String?
  private let session = SessionID.random(prefix: "s")
  private let author = Author(user: .random(prefix: "u"), name: "Ada", email: "ada@example.org")
  private let plan: FaultPlan?
  private let kind: StoreConformanceTests.Kind
  var store: SessionStore

  /// Texts in the order in which they were acknowledged.
  private var texts: [String] = []
  private var requests: [String: (PromptID, Int64)] = [:]
  private var alarms: [String: Date] = [:]

  /// What went wrong on purpose, in order.
  var faults: [String] { plan?.happened ?? [] }

  init(_ kind: StoreConformanceTests.Kind) throws {
    self.kind = kind
    switch kind {
    case .real(let seed):
      generator = SplitMix(state: seed)
      let directory = FileManager.default.temporaryDirectory.appending(path: "rookery-conformance-\(UUID().uuidString)").path
      self.directory = directory
      plan = nil
      store = try SessionStore(directory: directory, session: session, create: true)
    case .simulated(let seed):
      generator = SplitMix(state: seed)
      directory = nil
      let plan = FaultPlan(seed: seed &* 31)
      self.plan = plan
      store = try SessionStore(inMemory: .init(beforeCommit: { try plan.beforeCommit() }, afterCommit: { try plan.afterCommit() }))
    }
  }

  /// As if a commit that was acknowledged had never reached the disk.
  func loseTheNewest() throws {
    try insist({ _ in nil as Void? }) { try $0.database.execute(sql: "DELETE FROM event WHERE seq = (SELECT max(seq) FROM event)") }
  }

  func remove() { if let directory { try? FileManager.default.removeItem(atPath: directory) } }

  mutating func step(_ number: Int) throws {
    switch Int.random(in: 0..<10, using: &generator) {
    case 0..<4: try append(number, count: .random(in: 1...4, using: &generator))
    case 4..<7: try enqueue("r\(Int.random(in: 0..<30, using: &generator))")
    case 7: try setAlarm("a\(Int.random(in: 0..<5, using: &generator))", number)
    case 8: try removeAlarm("a\(Int.random(in: 0..<5, using: &generator))")
    default: if let directory { store = try SessionStore(directory: directory, session: session, create: false) }
    }
  }

  /// Repeats until it is acknowledged, as clients do; `isDone` finds out whether an unacknowledged attempt was stored.
  private func insist<Value>(_ isDone: (SessionTransaction) throws -> Value?, _ body: (SessionTransaction) throws -> Value) throws -> Value
  {
    for _ in 0..<100 {
      do {
        return try store.write { transaction in
          if let done = try isDone(transaction) { return done }
          return try body(transaction)
        }
      } catch let error as RookeryError where error.code == .diskFull || error.code == .unavailable {
        continue
      }
    }
    throw Deviation(description: "no commit succeeds")
  }

  private mutating func append(_ number: Int, count: Int) throws {
    let fresh = (0..<count).map { "\(number).\($0)" }
    let last = try insist({ transaction in
      let events = try transaction.events(after: Int64(0), limit: 10_000, bytes: 1 << 30)
      let known = try events.compactMap { try Self.text(of: $0) }
      return known.contains(fresh[0]) ? try transaction.lastSeq() : nil
    }) { transaction in
      for text in fresh { _ = try transaction.append(.notice(.init(level: .info, text: text)), turn: nil, at: Date()) }
      return try transaction.lastSeq()
    }
    texts += fresh
    guard last == Int64(texts.count) + Int64(requests.count) else { throw Deviation(description: "seq \(last) after \(texts.count)") }
  }

  private mutating func enqueue(_ request: String) throws {
    let prompt = Prompt(id: .random(prefix: "p"), text: request, author: author, state: .queued, turn: nil)
    let (id, seq) = try insist({ try $0.request(request).map { ($0.prompt, $0.seq) } }) { transaction in
      let event = try transaction.append(
        .promptQueued(.init(prompt: prompt.id, text: request, author: author)), turn: nil, at: Date())
      try transaction.enqueue(prompt, request: request, digest: Data(request.utf8), seq: event.seq)
      return (prompt.id, event.seq)
    }
    if let known = requests[request], known != (id, seq) { throw Deviation(description: "\(request) has two receipts") }
    requests[request] = (id, seq)
  }

  private mutating func setAlarm(_ name: String, _ number: Int) throws {
    let due = Date(timeIntervalSince1970: Double(number))
    try insist({ _ in nil as Void? }) { try $0.setAlarm(StoredAlarm(name: name, due: due)) }
    alarms[name] = due
  }

  private mutating func removeAlarm(_ name: String) throws {
    try insist({ _ in nil as Void? }) { try $0.removeAlarm(name) }
    alarms[name] = nil
  }

  private static func text(of event: StoredEvent) throws -> String? {
    if case .notice(let notice) = try JSON.decode(Event.self, from: event.json).payload { notice.text } else { nil }
  }

  func check() throws {
    let (events, prompts, stored) = try store.read { transaction in
      (try transaction.events(after: 0, limit: 100_000, bytes: 1 << 30), try transaction.prompts(), try transaction.alarms())
    }
    func demand(_ holds: Bool, _ what: String) throws {
      guard holds else { throw Deviation(description: "\(kind.testDescription): \(what)") }
    }
    try demand(
      events.map(\.seq) == Array(1...max(1, Int64(texts.count + requests.count))).prefix(events.count).map(\.self), "seq is not dense")
    try demand(events.count == texts.count + requests.count, "\(events.count) events, \(texts.count + requests.count) acknowledged")
    try demand(try events.compactMap { try Self.text(of: $0) } == texts, "what was appended is not what is there")
    try demand(Set(prompts.map(\.id)) == Set(requests.values.map(\.0)), "prompts differ")
    try demand(Set(prompts.map(\.text)).count == prompts.count, "a request made two prompts")
    try demand(Dictionary(uniqueKeysWithValues: stored.map { ($0.name, $0.due) }) == alarms, "alarms differ")
    var backwards: [Int64] = []
    while backwards.first != 1, !events.isEmpty {
      backwards = try store.read { try $0.events(before: backwards.first ?? .max, limit: 7, bytes: 1 << 20).map(\.seq) } + backwards
    }
    try demand(backwards == events.map(\.seq), "paged backwards it is another log")
  }
}

/// When the simulated store fails, decided by its seed.
private final class FaultPlan: Sendable {
  private let state: Mutex<(generator: SplitMix, happened: [String])>

  init(seed: UInt64) { state = Mutex((SplitMix(state: seed), [])) }

  var happened: [String] { state.withLock { $0.happened } }

  private func isDue(_ fault: String) -> Bool {
    state.withLock { state in
      guard Int.random(in: 0..<8, using: &state.generator) == 0 else { return false }
      state.happened.append(fault)
      return true
    }
  }

  /// The disk is full: nothing of the transaction is stored.
  func beforeCommit() throws {
    if isDue("full") { throw RookeryError(.diskFull, "The simulated disk is full.") }
  }

  /// The process dies after the commit: it is stored, and nobody is told.
  func afterCommit() throws {
    if isDue("lost") { throw RookeryError(.unavailable, "The simulated answer is lost.") }
  }
}

/// A small generator whose sequence depends on its seed alone.
private struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
