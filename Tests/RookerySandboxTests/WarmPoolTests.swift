import Foundation
import Logging
import RookeryConfiguration
import RookeryModel
import RookeryStore
import RookeryTestSupport
import Testing

@testable import RookerySandbox

/// The pool with the real registry, over sandboxes that are only records.
@Suite struct WarmPoolTests {
  private struct Place: Sendable {
    let directory: TemporaryDirectory
    let registry: Registry
    let provider = MemoryProvider()
    let preparation: MemoryPreparation
    let name: RepositoryName

    init(size: Int) async throws {
      directory = try TemporaryDirectory()
      registry = try Registry(directory: directory.path)
      name = try RepositoryName("site")
      try await registry.insert(Repository(name: name, url: "https://git.example.com/site.git", defaultBranch: "main", added: Date()))
      preparation = MemoryPreparation(provider, name, size: size)
    }

    func pool(isRecorded: @escaping @Sendable (SessionID, SandboxID) async -> Bool = { _, _ in false }) -> WarmPool {
      WarmPool(
        registry: registry, provider: provider, gateway: nil, preparer: preparation, memoryBudget: 1 << 40, atOnce: 8,
        period: .milliseconds(20), logger: Logger(label: "pool") { _ in SwiftLogNoOpLogHandler() }, isRecorded: isRecorded)
    }

    /// Runs `body` beside the pool.
    func running(_ pool: WarmPool, _ body: () async throws -> Void) async throws {
      let task = Task { try await pool.run() }
      do {
        try await body()
      } catch {
        task.cancel()
        _ = await task.result
        throw error
      }
      task.cancel()
      _ = await task.result
    }

    func ready(_ pool: WarmPool, _ count: Int) async throws -> [SandboxID] {
      try await eventually(timeout: .seconds(60), "\(count) are ready") { try await pool.pool(of: name).ready == count }
      return try await pool.pool(of: name).sandboxes.filter { $0.state == .ready }.map(\.sandbox)
    }
  }

  /// Hundreds of sessions at once: none gets another's sandbox, none of the sandboxes is lost.
  @Test func hundredsOfClaimsAtOnce() async throws {
    let place = try await Place(size: 40)
    let pool = place.pool()
    try await place.running(pool) {
      _ = try await place.ready(pool, 40)
      let claims = try await withThrowingTaskGroup(of: (SessionID, SandboxID?).self) { group in
        for number in 0..<400 {
          group.addTask {
            let session = try SessionID("s\(number)")
            let claim = try await pool.claim(place.name, for: session, needing: nil)
            if let id = claim?.sandbox.id {
              // Some take it, some change their mind.
              if number % 3 == 0 { await pool.abandon(id) } else { try await pool.confirm(id) }
            }
            return (session, claim?.sandbox.id)
          }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      let given = claims.compactMap(\.1)
      #expect(given.count >= 40)
      #expect(Set(given).count == given.count, "a sandbox was given twice")
      let kept = claims.compactMap { session, sandbox in
        (Int(session.rawValue.dropFirst()) ?? 0) % 3 == 0 ? nil : sandbox
      }
      // Each one that was taken lives on; each one that was not is gone; nothing else is missing.
      try await eventually(timeout: .seconds(60), "the abandoned are gone") {
        let alive = Set(await place.provider.records.keys)
        let waiting = Set(try await pool.pool(of: place.name).sandboxes.map(\.sandbox))
        return alive.subtracting(waiting) == Set(kept)
      }
      let ended = Set(await place.provider.terminated)
      #expect(ended.isDisjoint(with: kept))
      #expect(Set(given).subtracting(kept).isSubset(of: ended))
      let rows = try await place.registry.warmSandboxes().map(\.sandbox)
      #expect(Set(rows).isDisjoint(with: given))
    }
  }

  @Test func aSessionThatRepeatsItsClaimGetsTheSame() async throws {
    let place = try await Place(size: 2)
    let pool = place.pool()
    try await place.running(pool) {
      _ = try await place.ready(pool, 2)
      let session = try SessionID("s1")
      let first = try await pool.claim(place.name, for: session, needing: nil)
      let again = try await pool.claim(place.name, for: session, needing: nil)
      #expect(first?.sandbox.id == again?.sandbox.id)
      #expect(first != nil)
    }
  }

  @Test func oneThatCannotBeThawedIsAMiss() async throws {
    let place = try await Place(size: 2)
    let pool = place.pool()
    try await place.running(pool) {
      let bad = Set(try await place.ready(pool, 2))
      await place.provider.breakAll()
      #expect(try await pool.claim(place.name, for: try SessionID("s1"), needing: nil) == nil)
      try await eventually(timeout: .seconds(60), "they are replaced") {
        let ready = try await pool.pool(of: place.name).sandboxes.filter { $0.state == .ready }.map(\.sandbox)
        return ready.count == 2 && bad.isDisjoint(with: ready)
      }
      #expect(bad.isSubset(of: Set(await place.provider.terminated)))
    }
  }

  @Test func anImageReplacedDuringAPreparationLeavesNothing() async throws {
    let place = try await Place(size: 1)
    let pool = place.pool()
    try await place.running(pool) {
      await place.preparation.hold()
      try await eventually(timeout: .seconds(60), "it is being prepared") { await place.preparation.isHolding }
      let old = try #require(await place.provider.records.keys.first)
      await place.preparation.set(image: "i-2")
      try await eventually(timeout: .seconds(60), "it is to go") {
        try await pool.pool(of: place.name).sandboxes.contains { $0.sandbox == old && $0.state == .retiring }
      }
      await place.preparation.release()
      let next = try await place.ready(pool, 1)
      #expect(next != [old])
      try await eventually(timeout: .seconds(60), "the old one is gone") { await place.provider.terminated.contains(old) }
      #expect(try await place.registry.warmSandboxes().map(\.sandbox) == next)
    }
  }

  @Test func aFailureIsToldAndClearedAway() async throws {
    let place = try await Place(size: 1)
    let pool = place.pool()
    let failure = RookeryError(.agentFailed, "It does not start.", mend: "Mend it.")
    await place.preparation.fail(with: failure)
    try await place.running(pool) {
      try await eventually(timeout: .seconds(60), "the failure shows") {
        let shown = try await pool.pool(of: place.name)
        return shown.problem == failure && shown.sandboxes.isEmpty
      }
      #expect(try await place.registry.warmSandboxes().isEmpty)
    }
  }

  /// A server that was killed at any moment: the next one takes up what is whole, ends what is not, and takes nothing from a session.
  @Test func anotherServerTakesUpWhatIsLeft() async throws {
    let place = try await Place(size: 2)
    let validity = try JSON.encode(try await place.preparation.validity())
    let content = try JSON.encode(WarmContent(commit: "c", environment: EnvironmentFile(), bundles: []))
    func leave(_ id: String, _ row: Registry.WarmRow.State, _ state: SandboxRecord.State?, session: String? = nil) async throws -> SandboxID
    {
      let sandbox = try SandboxID(id)
      try await place.registry.insertWarm(
        .init(
          sandbox: sandbox, repository: place.name, state: row, began: Date(), session: try session.map { try SessionID($0) },
          validity: validity, content: row == .preparing ? Data() : content))
      if let state { await place.provider.make(sandbox, state) }
      return sandbox
    }
    let whole = try await leave("warm-whole", .ready, .frozen)
    let preparing = try await leave("warm-preparing", .preparing, .running)
    let neverMade = try await leave("warm-never", .preparing, nil)
    let thawed = try await leave("warm-thawed", .ready, .running)
    let dead = try await leave("warm-dead", .ready, .dead)
    let taken = try await leave("warm-taken", .claimed, .running, session: "s-has-it")
    let dropped = try await leave("warm-dropped", .claimed, .running, session: "s-lost-it")
    let unrelated = try SandboxID("b-session")
    await place.provider.make(unrelated)

    let pool = place.pool { session, sandbox in session.rawValue == "s-has-it" && sandbox == taken }
    try await place.running(pool) {
      let ready = try await place.ready(pool, 2)
      #expect(ready.contains(whole))
      let alive = Set(await place.provider.records.keys)
      #expect(alive.isSuperset(of: [whole, taken, unrelated]))
      #expect(alive.isDisjoint(with: [preparing, neverMade, thawed, dead, dropped]))
      let rows = Set(try await place.registry.warmSandboxes().map(\.sandbox))
      #expect(rows == Set(ready))
      // The one that was taken up is claimed like any other.
      let claim = try await pool.claim(place.name, for: try SessionID("s1"), needing: nil)
      #expect(claim?.sandbox.id == whole)
    }
  }

  /// What is ready when a server ends stays for the next.
  @Test func anOrderlyEndKeepsWhatIsReady() async throws {
    let place = try await Place(size: 3)
    let first = place.pool()
    var before: [SandboxID] = []
    try await place.running(first) { before = try await place.ready(first, 3) }
    let second = place.pool()
    try await place.running(second) {
      let after = try await place.ready(second, 3)
      #expect(Set(after) == Set(before))
    }
    #expect(await place.provider.terminated.isEmpty)
  }

  @Test func oneThatEndsByItselfIsReplaced() async throws {
    let place = try await Place(size: 1)
    let pool = place.pool()
    try await place.running(pool) {
      let first = try await place.ready(pool, 1)
      await place.provider.end(first[0])
      try await eventually(timeout: .seconds(60), "it is replaced") {
        let now = try await pool.pool(of: place.name).sandboxes
        return now.count == 1 && now[0].state == .ready && now[0].sandbox != first[0]
      }
    }
  }

  @Test func anUnknownRepositoryIsSaid() async throws {
    let place = try await Place(size: 1)
    let pool = place.pool()
    await #expect { try await pool.warm(try RepositoryName("nothing"), for: try UserID("u1")) } throws: {
      ($0 as? RookeryError)?.code == .repositoryUnknown
    }
  }
}
