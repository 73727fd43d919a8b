import Foundation
import RookeryModel
import RookeryStore
import RookeryTestSupport
import Testing

@testable import RookerySessions

@Suite(.timeLimit(.minutes(1))) struct SearchTests {
  private func message(_ text: String) -> EventPayload { .agentMessage(TextChunk(text: text)) }
  private let user = User(
    id: .random(prefix: "u"), name: "Ada", email: "ada@example.org", role: .member, created: Date(timeIntervalSince1970: 0))

  private func found(_ fixture: EngineFixture, _ query: String, in session: SessionID? = nil) async throws -> [API.SearchHit] {
    try await fixture.engine.search(query, in: session, limit: 50, by: user)
  }

  @Test func wordsAreFoundInOneSessionAndInAll() async throws {
    let fixture = try EngineFixture()
    let (first, second) = (try fixture.makeSession(), try fixture.makeSession())
    for (id, texts) in [(first, ["The quick br", "own fox, naïvely"]), (second, ["A brown bear"])] {
      for text in texts {
        let payload = message(text)
        try await fixture.engine.using(id) { try await $0.say(payload) }
      }
      try await fixture.engine.using(id) { try await $0.say(.notice(.init(level: .info, text: "end"))) }
    }
    try await eventually("the index follows") { try await found(fixture, "brown").count == 2 }
    // A word that came in two chunks is one; the document begins where the message does.
    let hit = try #require(try await found(fixture, "brown", in: first).first)
    #expect(hit.seq == 2)
    #expect(hit.title == "Title")
    #expect(hit.text.filter(\.match).map(\.text) == ["brown"])
    #expect(try await found(fixture, "naively fo").map(\.session) == [first])
    #expect(try await found(fixture, "\"brown bear\"").map(\.session) == [second])
    #expect(try await found(fixture, "\"bear brown\"").isEmpty)
    #expect(try await found(fixture, "brown OR NEAR( * ^").isEmpty)
    await #expect { try await found(fixture, " \" ") } throws: { ($0 as? RookeryError)?.code == .badRequest }
  }

  @Test func theIndexIsMadeAnewFromTheFiles() async throws {
    let directory = try TemporaryDirectory(prefix: "rookery-search")
    let fixture = try EngineFixture(in: directory)
    let id = try fixture.makeSession()
    let payload = EventPayload.notice(.init(level: .info, text: "zebra"))
    try await fixture.engine.using(id) { try await $0.say(payload) }
    try await eventually("the index follows") { try await found(fixture, "zebra").count == 1 }
    try await fixture.engine.searcher.rebuild(id)
    try await fixture.engine.searcher.rebuild(id)
    #expect(try await found(fixture, "zebra").count == 1)
  }

  @Test func aRedactedTextIsGoneFromEverywhere() async throws {
    let fixture = try EngineFixture()
    let id = try fixture.makeSession()
    let secret = "hunter2-\"quoted\"-swordfish"
    let texts = ["before", "my key is hunt", "er2-\"quot", "ed\"-swordfish and again \(secret)!", "after"].map(message)
    for text in texts { try await fixture.engine.using(id) { try await $0.say(text) } }
    try await fixture.engine.using(id) { try await $0.say(.notice(.init(level: .info, text: "It is \(secret)."))) }
    try await fixture.engine.using(id) { try await $0.keep(Data("diff +\(secret)".utf8)) }
    try await eventually("the index follows") { try await found(fixture, "swordfish").count == 2 }
    let snapshot = try SnapshotID("\(id)-t1")
    try await fixture.engine.using(id) { try await $0.remember(snapshot) }

    let done = try await fixture.engine.redact(id, secret, by: user)
    #expect(done.places == 3)
    // The host is away, so the snapshot can't be removed now; no session refers to it, and the host's sweep takes it.
    #expect(done.kept == [snapshot])
    #expect(try await found(fixture, "swordfish").isEmpty)
    let events = try await fixture.engine.events(id, after: 0, limit: 1000).events
    let said = events.compactMap { if case .agentMessage(let chunk) = $0.payload { chunk.text } else { nil } }.joined()
    #expect(said == "beforemy key is [redacted] and again [redacted]!after")
    #expect(events.map(\.seq) == Array(1...Int64(events.count)))
    guard case .historyRedacted(let redacted) = events.last?.payload else {
      Issue.record("no event tells of it")
      return
    }
    #expect(redacted.by == user.id)
    #expect(redacted.places == 3)
    // Nor do the bytes on the disk hold it, in the session's files or in those of the search.
    let needles = [Data("er2-".utf8), Data("swordfish".utf8)]
    let files = try FileManager.default.subpathsOfDirectory(atPath: fixture.directory.path).map { fixture.directory.path($0) }
    var looked = 0
    for file in files where file.contains("sqlite") {
      guard let bytes = FileManager.default.contents(atPath: file) else { continue }
      looked += bytes.count
      for needle in needles { #expect(bytes.range(of: needle) == nil, "\(file)") }
    }
    #expect(looked > 10_000)
  }

  @Test func halfALogIsNotErased() async throws {
    let fixture = try EngineFixture()
    let id = try fixture.makeSession()
    for text in ["a", "repository", "session.created"] {
      await #expect { try await fixture.engine.redact(id, text, by: user) } throws: { ($0 as? RookeryError)?.code == .badRequest }
    }
    #expect(try await fixture.engine.events(id, after: 0, limit: 10).events.map(\.payload.kind) == ["session.created"])
  }
}

extension LiveSession {
  fileprivate func say(_ payload: EventPayload) throws { try commit([payload]) }

  fileprivate func keep(_ diff: Data) throws {
    let artifact = Artifact(
      id: .random(prefix: "a"), kind: .diff, name: "changes.diff", mediaType: "text/x-diff", bytes: diff.count, digest: "")
    try commit { [try $0.append(artifact, content: diff, turn: nil, at: Date())] }
  }

  fileprivate func remember(_ snapshot: SnapshotID) throws {
    try commit { transaction in
      try transaction.addSnapshot(StoredSnapshot(id: snapshot, seq: seq, turn: nil, created: Date()))
      return []
    }
  }
}
