import Foundation
import RookeryModel
import RookeryStore
import RookeryTestSupport
import Testing

@testable import RookerySessions

/// A copy that is made while the server works, and a server that starts from it on an empty host.
@Suite(.timeLimit(.minutes(1))) struct BackupTests {
  private func notice(_ number: Int) -> EventPayload { .notice(.init(level: .info, text: "number \(number)")) }

  @Test func aBackupMadeWhileWritingIsRestoredOnAnEmptyHost() async throws {
    let fixture = try EngineFixture()
    let id = try fixture.makeSession()
    let engine = fixture.engine
    for number in 0..<50 {
      let payload = notice(number)
      try await engine.using(id) { try await $0.add(payload) }
    }
    let other = try fixture.makeSession()
    _ = try await fixture.registry.createUser(name: "Ada", email: "ada@example.org", role: .member)
    let writing = Task {
      var number = 50
      while !Task.isCancelled {
        let payload = notice(number)
        try await engine.using(id) { try await $0.add(payload) }
        number += 1
      }
    }
    let target = try TemporaryDirectory(prefix: "rookery-backup")
    let backup = Backup(path: target.path("one"))
    let manifest = try backup.write(of: fixture.directory.path, product: "test")
    writing.cancel()
    try? await writing.value
    #expect(Set(manifest.sessions.map(\.id)) == [id, other])
    // Nothing of ours but the databases: no key, no search index, no journal.
    let files = try FileManager.default.subpathsOfDirectory(atPath: backup.path).filter { $0.contains(".") }
    #expect(Set(files) == ["manifest.json", "registry.sqlite", "sessions/\(id)/session.sqlite", "sessions/\(other)/session.sqlite"])

    let empty = try TemporaryDirectory(prefix: "rookery-restored")
    #expect(try Backup(path: backup.path).restore(to: empty.path).sessions == manifest.sessions)
    let restored = try EngineFixture(in: empty)
    let seq = try #require(manifest.sessions.first { $0.id == id }?.seq)
    #expect(seq >= 51)
    var seqs: [Int64] = []
    while seqs.last != seq {
      let page = try await restored.engine.events(id, after: seqs.last ?? 0, limit: 500)
      #expect(page.generation == 2)
      seqs += page.events.map(\.seq)
      if page.events.isEmpty { break }
    }
    #expect(seqs == Array(1...seq))
    // The log goes on, and people are there.
    let payload = notice(0)
    try await restored.engine.using(id) { try await $0.add(payload) }
    #expect(try await restored.engine.feed(id).seq == seq + 1)
    #expect(try await restored.registry.users().contains { $0.email == "ada@example.org" })
  }

  @Test func dataIsNotWrittenOver() throws {
    let fixture = try EngineFixture()
    _ = try fixture.makeSession()
    let target = try TemporaryDirectory(prefix: "rookery-backup")
    let backup = Backup(path: target.path("one"))
    _ = try backup.write(of: fixture.directory.path, product: "test")
    #expect { try backup.write(of: fixture.directory.path, product: "test") } throws: { ($0 as? RookeryError)?.code == .conflict }
    #expect { try backup.restore(to: fixture.directory.path) } throws: { ($0 as? RookeryError)?.code == .conflict }
  }

  @Test func whatIsNoBackupOfOursIsRefused() throws {
    let target = try TemporaryDirectory(prefix: "rookery-backup")
    #expect { try Backup(path: target.path).restore(to: target.path("serve")) } throws: { ($0 as? RookeryError)?.code == .notFound }
    try target.write(#"{"format": 99, "product": "9.9", "created": "2030-01-01T00:00:00.000Z", "sessions": []}"#, to: "manifest.json")
    #expect {
      try Backup(path: target.path).restore(to: target.path("serve"))
    } throws: {
      ($0 as? RookeryError)?.code == .configurationInvalid
    }
  }
}

extension LiveSession {
  fileprivate func add(_ payload: EventPayload) throws { try commit([payload]) }
}
