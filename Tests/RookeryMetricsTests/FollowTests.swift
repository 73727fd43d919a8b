import Foundation
import GRDB
import Logging
import RookeryModel
import RookeryTestSupport
import Testing

@testable import RookeryMetrics
@testable import RookeryStore

/// Every event counts exactly once, however the log is followed.
@Suite struct FollowTests {
  private let noon = Date(timeIntervalSince1970: 1_763_985_600)

  @Test(arguments: [1, 2, 3]) func followedInPiecesOrAtOnceTheRowsAreTheSame(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let writer = try SessionWriter()
    var history = try RandomHistory(random: &random, steps: 200)
    while let (session, events) = try history.next(&random) {
      try writer.append(session, events)
      if Int.random(in: 0..<3, using: &random) == 0 {
        try writer.store.follow(session, in: writer.sessions, pageSize: Int.random(in: 1...7, using: &random))
      }
    }
    try writer.followAll()
    let kept = try writer.store.contents()
    #expect(kept.count > 60)
    #expect(try writer.rebuilt() == kept)
    try writer.followAll()
    #expect(try writer.store.contents() == kept)
    let counts = try writer.store.rebuild(from: writer.sessions, pageSize: 5) { Issue.record("\($0): \($1)") }
    #expect(counts.sessions == history.sessions.count)
    #expect(try writer.store.contents() == kept)
  }

  /// A process that follows, or rebuilds, in tiny transactions is killed again and again.
  @Test(.timeLimit(.minutes(3)), arguments: ["follow", "rebuild"]) func aKillInTheMiddleLosesAndRepeatsNothing(mode: String) async throws {
    var random = SeededGenerator(seed: 42)
    let writer = try SessionWriter()
    var history = try RandomHistory(random: &random)
    var round = 0
    var isOver = false
    while !isOver {
      for _ in 0..<60 {
        guard let (session, events) = try history.next(&random) else {
          isOver = true
          break
        }
        try writer.append(session, events)
      }
      round += 1
      let before = try writer.store.contents()
      let process = Process()
      process.executableURL = URL(fileURLWithPath: try Self.product("rookery-metrics-fixture"))
      process.arguments = [writer.directory.path, mode]
      let output = Pipe()
      process.standardOutput = output
      try process.run()
      _ = try output.fileHandleForReading.read(upToCount: 6)
      try await Task.sleep(for: .milliseconds(Int.random(in: 0...40, using: &random)))
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
      let after = try writer.store.contents()
      // A rebuild that was cut short changed nothing; one that ended is all there.
      if mode == "rebuild" {
        let whole = try writer.rebuilt()
        #expect(after == before || after == whole)
      }
    }
    #expect(round > 3)
    try writer.followAll()
    #expect(try writer.store.contents() == (try writer.rebuilt()))
  }

  @Test func aSessionThatWasRestoredOrDeletedIsDerivedAnewOrForgotten() async throws {
    let writer = try SessionWriter()
    let id = try SessionID("s1")
    try writer.begin(id, at: noon)
    try writer.append(id, [(try prompt("p1"), nil, noon), (try started("p1"), 1, noon), (opened(1), 1, noon)])
    try writer.followAll()
    #expect(try await writer.store.session(id).pullRequests.count == 1)
    // Back to an earlier point, and another way from there.
    let store = try SessionStore(directory: writer.sessions, session: id, create: false)
    try store.write { transaction in
      try transaction.database.execute(sql: "DELETE FROM event WHERE seq > 2")
      try transaction.database.execute(sql: "UPDATE meta SET generation = 2")
      for payload in [try started("p1"), try finished("p1"), opened(2), opened(3), opened(4)] {
        _ = try transaction.append(payload, turn: 1, at: noon)
      }
    }
    try writer.followAll()
    #expect(try await writer.store.session(id).pullRequests.map(\.number) == [2, 3, 4])
    #expect(try writer.store.contents() == (try writer.rebuilt()))
    try FileManager.default.removeItem(atPath: writer.sessions + "/s1")
    let follower = MetricsFollower(
      store: writer.store, directory: writer.sessions, milliseconds: 1, logger: Logger(label: "test"))
    follower.note(id)
    try await eventually("the session is forgotten") { try writer.store.contents().isEmpty }
  }

  @Test func theFollowerCatchesUpWithWhatItHearsAndWithWhatItMissed() async throws {
    let writer = try SessionWriter()
    let follower = MetricsFollower(
      store: writer.store, directory: writer.sessions, milliseconds: 5, logger: Logger(label: "test"))
    let (missed, heard) = (try SessionID("s1"), try SessionID("s2"))
    try writer.begin(missed, at: noon)
    await follower.sweep()
    #expect(try writer.store.sessions() == [missed])
    try writer.begin(heard, at: noon)
    follower.note(heard)
    try await eventually("the session is there") { try writer.store.sessions().contains(heard) }
    let rebuilt = try await follower.rebuild()
    #expect((rebuilt.sessions, rebuilt.events) == (2, 2))
  }

  @Test func aDamagedOrOlderDatabaseIsMadeAnew() throws {
    let directory = try TemporaryDirectory(prefix: "rookery-metrics")
    try Data("this is no database at all, whatever its name says".utf8).write(
      to: URL(fileURLWithPath: directory.path("metrics.sqlite")))
    do {
      let store = try MetricsStore(directory: directory.path)
      #expect(try store.contents().isEmpty)
      try store.database.write { database in
        try database.execute(sql: "INSERT INTO cursor VALUES ('s1', 1, 7)")
        try database.execute(sql: "PRAGMA user_version = 0")
      }
    }
    #expect(try MetricsStore(directory: directory.path).contents().isEmpty)
  }

  private static func product(_ name: String) throws -> String {
    let executable = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    var candidates = CommandLine.arguments.map { ($0 as NSString).deletingLastPathComponent }
    candidates += [(executable as NSString).deletingLastPathComponent, FileManager.default.currentDirectoryPath + "/.build/debug"]
    for candidate in candidates {
      var directory = candidate
      while directory.count > 1 {
        if FileManager.default.isExecutableFile(atPath: "\(directory)/\(name)") { return "\(directory)/\(name)" }
        directory = (directory as NSString).deletingLastPathComponent
      }
    }
    throw RookeryError(.notFound, "\(name) was not built beside the tests.")
  }
}
