import Foundation
import RookeryModel
import Testing

@testable import RookerySandbox

/// A generator that repeats itself, so that a failure can be looked at again.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed &* 0x9e37_79b9_7f4a_7c15 | 1 }
  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }
}

/// The state in a box: what `#expect` looks at can't be changed in it.
private final class Pool {
  private(set) var state: PoolState
  init(memoryBudget: Int, atOnce: Int) { state = PoolState(memoryBudget: memoryBudget, atOnce: atOnce) }

  var entries: [SandboxID: PoolEntry] { state.entries }
  func targets(at now: Date) -> [RepositoryName: Int] { state.targets(at: now) }
  func problem(of repository: RepositoryName) -> RookeryError? { state.problem(of: repository) }
  func update(_ repositories: [RepositoryName: PoolState.Repository], at now: Date) { state.update(repositories, at: now) }
  func want(_ repository: RepositoryName, by user: UserID, at now: Date) { state.want(repository, by: user, at: now) }
  func claim(_ repository: RepositoryName, for session: SessionID, needing bundle: AgentName?, at now: Date) -> SandboxID? {
    state.claim(repository, for: session, needing: bundle, at: now)
  }
  func confirmed(_ id: SandboxID) { state.confirmed(id) }
  func abandoned(_ id: SandboxID) -> Bool { state.abandoned(id) }
  func prepared(_ id: SandboxID, bundles: Set<AgentName>, memory: Int?) -> Bool { state.prepared(id, bundles: bundles, memory: memory) }
  func failed(_ id: SandboxID, with error: RookeryError, at now: Date) { state.failed(id, with: error, at: now) }
  func died(_ id: SandboxID) -> Bool { state.died(id) }
  func removed(_ id: SandboxID) { state.removed(id) }
  func plan(at now: Date, makeID: () -> SandboxID) -> [PoolState.Action] { state.plan(at: now, makeID: makeID) }
}

@Suite struct PoolStateTests {
  private static let start = Date(timeIntervalSince1970: 1_800_000_000)
  private static let megabyte = 1 << 20

  private let site: RepositoryName
  private let other: RepositoryName
  private let session: SessionID

  init() throws {
    site = try RepositoryName("site")
    other = try RepositoryName("other")
    session = try SessionID("s1")
  }

  private static func validity(_ image: String = "i-1", _ environment: String = "e", _ agent: String = "a") throws -> PoolValidity {
    PoolValidity(image: try ImageID(image), environmentDigest: environment, agentDigest: agent)
  }

  private func repository(size: Int = 3, age: TimeInterval = 1500, _ validity: PoolValidity?) -> PoolState.Repository {
    PoolState.Repository(settings: PoolSettings(size: size, maximumAge: age), validity: validity)
  }

  /// A pool of one repository, and a way to fill it.
  private func pool(size: Int = 3, atOnce: Int = 10, budget: Int = 10_000) throws -> Pool {
    let state = Pool(memoryBudget: budget * Self.megabyte, atOnce: atOnce)
    state.update([site: repository(size: size, try Self.validity())], at: Self.start)
    return state
  }

  private func makeID() -> SandboxID { .random(prefix: "warm-") }

  /// Does what the plan says, at once.
  @discardableResult
  private func settle(_ state: Pool, at now: Date, memory: Int = 50 << 20) -> [PoolState.Action] {
    let actions = state.plan(at: now, makeID: makeID)
    for action in actions {
      switch action {
      case .prepare(let id, _, _): #expect(state.prepared(id, bundles: [], memory: memory))
      case .retire(let id): state.removed(id)
      }
    }
    return actions
  }

  private func ready(_ state: Pool) -> Int { state.entries.values.count { $0.state == .ready } }

  @Test func keepsAsManyAsConfigured() throws {
    let state = try pool(size: 3)
    #expect(settle(state, at: Self.start).count == 3)
    #expect(settle(state, at: Self.start).isEmpty)
    #expect(ready(state) == 3)
  }

  @Test func zeroSwitchesItOff() throws {
    let state = try pool(size: 0)
    state.want(site, by: try UserID("u1"), at: Self.start)
    #expect(state.plan(at: Self.start, makeID: makeID) == [])
    state.update([site: repository(size: 2, try Self.validity())], at: Self.start)
    settle(state, at: Self.start)
    #expect(ready(state) == 2)
    state.update([site: repository(size: 0, try Self.validity())], at: Self.start)
    #expect(settle(state, at: Self.start).count == 2)
    #expect(state.entries.isEmpty)
  }

  @Test func withoutAnImageNothingIsPrepared() throws {
    let state = Pool(memoryBudget: 1 << 40, atOnce: 2)
    state.update([site: repository(nil)], at: Self.start)
    #expect(state.plan(at: Self.start, makeID: makeID) == [])
    #expect(state.claim(site, for: session, needing: nil, at: Self.start) == nil)
  }

  @Test func preparesFewAtOnceAndDealsFairly() throws {
    let state = Pool(memoryBudget: 1 << 40, atOnce: 2)
    state.update([site: repository(try Self.validity()), other: repository(try Self.validity("i-2"))], at: Self.start)
    let first = state.plan(at: Self.start, makeID: makeID)
    #expect(first.count == 2)
    // One for each, rather than two for one.
    #expect(Set(state.entries.values.map(\.repository)) == [site, other])
    #expect(state.plan(at: Self.start, makeID: makeID) == [])
  }

  @Test func theOldestIsClaimedFirstAndOnce() throws {
    let state = try pool(size: 1)
    settle(state, at: Self.start)
    let oldest = try #require(state.entries.keys.first)
    state.update([site: repository(size: 3, try Self.validity())], at: Self.start)
    settle(state, at: Self.start + 10)
    #expect(state.claim(site, for: session, needing: nil, at: Self.start + 20) == oldest)
    // The same session, after a crash of its own step, gets the same one.
    #expect(state.claim(site, for: session, needing: nil, at: Self.start + 20) == oldest)
    #expect(try state.claim(site, for: SessionID("s2"), needing: nil, at: Self.start + 20) != oldest)
    state.confirmed(oldest)
    #expect(state.entries[oldest] == nil)
  }

  @Test func anAgentThatIsNotInItIsAMiss() throws {
    let agent = try AgentName("agentao")
    let state = try pool(size: 1)
    settle(state, at: Self.start)
    #expect(state.claim(site, for: session, needing: agent, at: Self.start) == nil)
    #expect(state.claim(site, for: session, needing: nil, at: Self.start) != nil)
  }

  @Test func theExpiredGo() throws {
    let state = try pool(size: 2)
    settle(state, at: Self.start)
    let old = Set(state.entries.keys)
    // Never given away once its time is over, even before it was retired.
    #expect(state.claim(site, for: session, needing: nil, at: Self.start + 1500) == nil)
    let actions = settle(state, at: Self.start + 1500)
    #expect(Set(actions.compactMap { if case .retire(let id) = $0 { id } else { nil } }) == old)
    settle(state, at: Self.start + 1500)
    #expect(ready(state) == 2)
    #expect(old.isDisjoint(with: state.entries.keys))
  }

  @Test(arguments: [("i-2", "e", "a"), ("i-1", "changed", "a"), ("i-1", "e", "changed")])
  func theOutdatedGo(_ change: (String, String, String)) throws {
    let state = try pool(size: 1)
    settle(state, at: Self.start)
    let old = try #require(state.entries.keys.first)
    state.update([site: repository(size: 1, try Self.validity(change.0, change.1, change.2))], at: Self.start + 1)
    #expect(state.claim(site, for: session, needing: nil, at: Self.start + 1) == nil)
    #expect(state.plan(at: Self.start + 1, makeID: makeID).first == .retire(old))
  }

  @Test func anImageReplacedDuringAPreparationRetiresIt() throws {
    let state = try pool(size: 1)
    guard case .prepare(let id, _, _)? = state.plan(at: Self.start, makeID: makeID).first else {
      Issue.record("nothing was prepared")
      return
    }
    state.update([site: repository(size: 1, try Self.validity("i-2"))], at: Self.start + 1)
    #expect(state.plan(at: Self.start + 1, makeID: makeID).contains(.retire(id)))
    // It completes all the same, and is not offered.
    #expect(!state.prepared(id, bundles: [], memory: nil))
    #expect(ready(state) == 0)
    state.removed(id)
    #expect(state.entries[id] == nil)
  }

  @Test func aClaimedOneIsNeverRetired() throws {
    let state = try pool(size: 1)
    settle(state, at: Self.start)
    let claimed = try #require(state.claim(site, for: session, needing: nil, at: Self.start))
    state.update([:], at: Self.start + 5000)
    #expect(!state.plan(at: Self.start + 5000, makeID: makeID).contains(.retire(claimed)))
    #expect(!state.died(claimed))
    #expect(state.abandoned(claimed))
    state.removed(claimed)
    #expect(state.entries.isEmpty)
  }

  @Test func failuresWaitLongerEachTimeAndAreTold() throws {
    let state = try pool(size: 1)
    let failure = RookeryError(.agentFailed, "It does not start.")
    var now = Self.start
    for pause in [5.0, 10, 20] {
      guard case .prepare(let id, _, _)? = state.plan(at: now, makeID: makeID).first else {
        Issue.record("no attempt after \(pause) s")
        return
      }
      state.failed(id, with: failure, at: now)
      state.removed(id)
      #expect(state.problem(of: site) == failure)
      #expect(state.plan(at: now + pause - 1, makeID: makeID) == [])
      now += pause
    }
    // Something new is tried at once.
    state.update([site: repository(size: 1, try Self.validity("i-2"))], at: now - 1)
    #expect(settle(state, at: now - 1).count == 1)
    #expect(state.problem(of: site) == nil)
  }

  @Test func theTargetFollowsDemand() throws {
    let state = try pool(size: 2)
    func target(_ seconds: TimeInterval) -> Int { state.targets(at: Self.start + seconds)[site] ?? 0 }
    #expect(target(0) == 2)
    #expect(target(2 * 3600) == 1)
    #expect(target(24 * 3600) == 0)
    // A burst of sessions asks for more, up to twice the size, and fades.
    let burst: TimeInterval = 3 * 3600
    for number in 0..<20 { _ = state.claim(site, for: try SessionID("s\(number)"), needing: nil, at: Self.start + burst) }
    #expect(target(burst) == 4)
    #expect(target(burst + 3600) == 2)
  }

  @Test func peopleWhoTypeAreCounted() throws {
    let state = try pool(size: 2)
    let asleep = Self.start + 30 * 3600
    #expect(state.targets(at: asleep)[site] == nil)
    for user in ["u1", "u2", "u3", "u1"] { state.want(site, by: try UserID(user), at: asleep) }
    #expect(state.targets(at: asleep)[site] == 3)
    #expect(state.targets(at: asleep + 121)[site] == 2)
  }

  @Test func memoryIsDealtOutToTheMostRecentFirst() throws {
    let state = Pool(memoryBudget: 400 * Self.megabyte, atOnce: 10)
    state.update([site: repository(try Self.validity()), other: repository(try Self.validity("i-2"))], at: Self.start)
    state.want(other, by: try UserID("u1"), at: Self.start + 1)
    // 128 MiB each until measured: three fit.
    #expect(state.targets(at: Self.start + 2) == [other: 2, site: 1])
    settle(state, at: Self.start + 2, memory: 100 * Self.megabyte)
    #expect(state.targets(at: Self.start + 3) == [other: 2, site: 2])
    settle(state, at: Self.start + 3, memory: 300 * Self.megabyte)
    // What turned out to be larger makes room.
    let targets = state.targets(at: Self.start + 4)
    #expect(targets.values.reduce(0, +) < 4)
    settle(state, at: Self.start + 4)
    #expect(ready(state) == targets.values.reduce(0, +))
  }

  @Test func aRemovedRepositoryLosesItsPool() throws {
    let state = try pool(size: 2)
    settle(state, at: Self.start)
    state.update([:], at: Self.start)
    #expect(settle(state, at: Self.start).count == 2)
    #expect(state.entries.isEmpty)
    #expect(state.claim(site, for: session, needing: nil, at: Self.start) == nil)
  }

  /// Whatever happens in whatever order: nothing is given twice, nothing that was given is retired, nothing is lost.
  @Test(arguments: 1...40) func anyOrderOfEventsKeepsThePromises(seed: Int) throws {
    var generator = SeededGenerator(seed: UInt64(seed))
    let state = Pool(memoryBudget: 2000 * Self.megabyte, atOnce: 3)
    let names = [site, other]
    var images = [site: 1, other: 1]
    var now = Self.start
    var preparing: [SandboxID] = []
    var given: [SandboxID: SessionID] = [:]
    var made: Set<SandboxID> = []
    var ended: Set<SandboxID> = []
    func update() throws {
      state.update(
        Dictionary(
          uniqueKeysWithValues: try names.map { ($0, repository(size: 3, age: 100, try Self.validity("i-\(images[$0] ?? 0)"))) }), at: now)
    }
    try update()
    for step in 0..<400 {
      now += Double.random(in: 0...8, using: &generator)
      let name = names.randomElement(using: &generator) ?? site
      switch Int.random(in: 0..<10, using: &generator) {
      case 0...2:
        for action in state.plan(at: now, makeID: makeID) {
          switch action {
          case .prepare(let id, _, _):
            #expect(made.insert(id).inserted)
            preparing.append(id)
          case .retire(let id):
            #expect(given[id] == nil, "a given sandbox was retired")
            #expect(!ended.contains(id))
            preparing.removeAll { $0 == id }
            ended.insert(id)
            state.removed(id)
          }
        }
        #expect(state.entries.values.count { $0.state == .preparing } <= 3)
      case 3, 4:
        guard !preparing.isEmpty else { continue }
        let id = preparing.removeFirst()
        #expect(state.prepared(id, bundles: [], memory: Int.random(in: 10...200, using: &generator) << 20))
      case 5:
        guard !preparing.isEmpty else { continue }
        let id = preparing.removeFirst()
        state.failed(id, with: RookeryError(.internal, "no"), at: now)
        ended.insert(id)
        state.removed(id)
      case 6, 7, 8:
        let session = try SessionID("s\(step)")
        guard let id = state.claim(name, for: session, needing: nil, at: now) else { continue }
        #expect(given.updateValue(session, forKey: id) == nil, "given twice")
        #expect(!ended.contains(id), "given after its end")
        if Bool.random(using: &generator) {
          state.confirmed(id)
        } else {
          #expect(state.abandoned(id))
          state.removed(id)
        }
      default:
        images[name, default: 0] += 1
        try update()
      }
    }
    // Everything that was made is known, given or ended.
    for id in made { #expect(state.entries[id] != nil || given[id] != nil || ended.contains(id)) }
  }
}
