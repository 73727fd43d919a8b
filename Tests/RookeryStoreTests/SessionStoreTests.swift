import Foundation
import RookeryModel
import Testing

@testable import RookeryStore

@Suite struct SessionStoreTests {
  private let directory = FileManager.default.temporaryDirectory.appending(path: "rookery-store-\(UUID().uuidString)").path
  private let session = SessionID.random(prefix: "s")
  private let author = Author(user: .random(prefix: "u"), name: "Ada", email: "ada@example.com")

  private func withStore(_ body: (SessionStore) throws -> Void) throws {
    defer { try? FileManager.default.removeItem(atPath: directory) }
    try body(SessionStore(directory: directory, session: session, create: true))
  }

  private func notice(_ text: String) -> EventPayload { .notice(.init(level: .info, text: text)) }

  @Test func anAbsentSessionIsNotFound() {
    let error = #expect(throws: RookeryError.self) { try SessionStore(directory: directory, session: session, create: false) }
    #expect(error?.code == .notFound)
  }

  @Test func seqIsDenseAndAFailedTransactionLeavesNothing() throws {
    try withStore { store in
      for round in 0..<10 {
        try store.write { transaction in
          for index in 0..<3 { _ = try transaction.append(notice("\(round).\(index)"), turn: round, at: Date()) }
        }
        #expect(throws: RookeryError.self) {
          try store.write { transaction in
            _ = try transaction.append(notice("lost"), turn: nil, at: Date())
            throw RookeryError(.internal, "after the append")
          }
        }
      }
      let events = try store.read { try $0.events(after: 0, limit: 1000, bytes: 1 << 20) }
      #expect(events.map(\.seq) == Array(1...30))
      #expect(try events.allSatisfy { try JSON.decode(Event.self, from: $0.json).seq == $0.seq })
    }
  }

  @Test func aPageIsBoundedByCountAndBytesAndHoldsOneAtLeast() throws {
    try withStore { store in
      try store.write { transaction in
        for _ in 0..<20 { _ = try transaction.append(notice(String(repeating: "x", count: 1000)), turn: nil, at: Date()) }
      }
      try store.read { (transaction: SessionTransaction) throws in
        #expect(try transaction.events(after: 5, limit: 4, bytes: 1 << 20).map(\.seq) == [6, 7, 8, 9])
        #expect(try transaction.events(after: 5, limit: 100, bytes: 3000).count == 3)
        #expect(try transaction.events(after: 5, limit: 100, bytes: 1).count == 1)
        #expect(try transaction.events(after: 20, limit: 100, bytes: 1000).isEmpty)
      }
    }
  }

  @Test func promptsKeepTheirOrderAndARequestIsFoundAgain() throws {
    try withStore { store in
      let prompts = (0..<3).map { Prompt(id: .random(prefix: "p"), text: "\($0)", author: author, state: .queued, turn: nil) }
      try store.write { transaction in
        for (index, prompt) in prompts.enumerated() {
          try transaction.enqueue(prompt, request: "r\(index)", digest: Data([UInt8(index)]), seq: Int64(index))
        }
      }
      try store.write { try $0.setState(.running, of: prompts[0].id, turn: 1) }
      try store.read { (transaction: SessionTransaction) throws in
        #expect(try transaction.nextPrompt()?.id == prompts[1].id)
        #expect(try transaction.prompts().map(\.id) == prompts.map(\.id))
        #expect(try transaction.prompt(prompts[0].id)?.turn == 1)
        #expect(try transaction.request("r2") == StoredRequest(prompt: prompts[2].id, seq: 2, digest: Data([2])))
        #expect(try transaction.request("r9") == nil)
      }
      // The same request twice is refused by the file itself.
      #expect(throws: RookeryError.self) {
        try store.write { try $0.enqueue(prompts[0], request: "r0", digest: Data(), seq: 9) }
      }
    }
  }

  @Test func theOutboxKeepsBytesUntilTheyAreWritten() throws {
    try withStore { store in
      let (sandbox, process) = (SandboxID.random(prefix: "b"), ProcessID.random(prefix: "p"))
      let known = StoredProcess(output: .init(stdout: 5, stderr: 1 << 40), input: 7, state: Data([1]))
      try store.write { transaction in
        try transaction.setProcess(process, in: sandbox, known)
        try transaction.addToOutbox(OutboxEntry(offset: 0, bytes: [1, 2, 3]), of: process, in: sandbox)
        try transaction.addToOutbox(OutboxEntry(offset: 3, bytes: [4, 5, 6, 7]), of: process, in: sandbox)
      }
      try store.write { try $0.trimOutbox(of: process, in: sandbox, written: 5) }
      try store.read { (transaction: SessionTransaction) throws in
        #expect(try transaction.outbox(of: process, in: sandbox) == [OutboxEntry(offset: 3, bytes: [4, 5, 6, 7])])
        #expect(try transaction.process(process, in: sandbox) == known)
        #expect(try transaction.process(process, in: .random(prefix: "b")) == nil)
      }
    }
  }

  @Test func anIntentAnswersItsRepetition() throws {
    defer { try? FileManager.default.removeItem(atPath: directory) }
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    let registry = try Registry(directory: directory)
    let first = try registry.intend(request: "r", body: Data([1]), session: session, user: author.user)
    let again = try registry.intend(request: "r", body: Data([2]), session: .random(prefix: "s"), user: author.user)
    #expect(first.session == session)
    #expect(again.session == session)
    #expect(again.body == Data([1]))
  }

  @Test func theIndexNeverGoesBack() throws {
    defer { try? FileManager.default.removeItem(atPath: directory) }
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    let registry = try Registry(directory: directory)
    var summary = SessionSummary(
      id: session, repository: try RepositoryName("site"), branch: "rookery/x", agent: try AgentName("command"), owner: author,
      title: "T", state: .running, created: Date(timeIntervalSince1970: 1), updated: Date(timeIntervalSince1970: 2), seq: 10,
      generation: 1)
    try registry.index(summary)
    summary.seq = 9
    summary.state = .idle
    try registry.index(summary)
    #expect(try registry.sessions(repository: nil, limit: 10).map(\.state) == [.running])
    #expect(try registry.sessions(repository: RepositoryName("other"), limit: 10).isEmpty)
  }
}
