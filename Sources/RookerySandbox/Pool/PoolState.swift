import Foundation
import RookeryModel

/// The warm sandboxes of all repositories, as a value: each call says what happened and when, `plan` returns what to do.
///
/// Its promises, whatever the order of calls: no entry is claimed twice; a claimed entry is never retired by the pool; only an
/// entry that is ready, in date and prepared from what is current is claimed; what `plan` starts never exceeds `atOnce`
/// preparations and the memory budget.
package struct PoolState: Sendable {
  /// What to do, in order. Each is answered by a later call about the same sandbox.
  package enum Action: Sendable, Equatable {
    /// Prepare a sandbox under this id; then `prepared` or `failed`.
    case prepare(SandboxID, RepositoryName, PoolValidity)
    /// End the preparation or the sandbox; then `removed`.
    case retire(SandboxID)
  }

  /// What a repository's pool follows.
  package struct Repository: Sendable, Equatable {
    package var settings: PoolSettings
    /// Nil while nothing can be prepared: there is no image yet.
    package var validity: PoolValidity?
    package init(settings: PoolSettings, validity: PoolValidity?) {
      self.settings = settings
      self.validity = validity
    }
  }

  private struct Demand: Sendable {
    var repository: Repository
    var claims = DecayedCount(lifetime: 600)
    /// Who asked last: a session that asks again, since what it got was no good, is one all the same.
    var claimant: SessionID?
    /// The newest sign that someone works on it.
    var active: Date
    /// People who are about to begin a session.
    var wanting: [UserID: Date] = [:]
    var failures = 0
    var retryAfter = Date.distantPast
    var problem: RookeryError?
  }

  /// Bytes that all kept warm sandboxes may use together.
  package let memoryBudget: Int
  /// Preparations that run at once.
  package let atOnce: Int
  package private(set) var entries: [SandboxID: PoolEntry] = [:]
  private var demands: [RepositoryName: Demand] = [:]

  /// What a sandbox is taken to need before one of its repository was measured.
  static let assumedMemory = 128 << 20
  /// Seconds without a sign of life after which a repository keeps one sandbox, and none.
  static let quiet: TimeInterval = 2 * 3600
  static let asleep: TimeInterval = 24 * 3600
  /// Seconds for which a person who announced a session is counted.
  static let announcement: TimeInterval = 120

  package init(memoryBudget: Int, atOnce: Int) {
    self.memoryBudget = memoryBudget
    self.atOnce = max(1, atOnce)
  }

  // MARK: What happened

  /// The repositories that there are now, and what their sandboxes must be prepared from.
  package mutating func update(_ repositories: [RepositoryName: Repository], at now: Date) {
    demands = demands.filter { repositories[$0.key] != nil }
    for (name, repository) in repositories {
      if demands[name]?.repository.validity != repository.validity {
        // Something new may work where the old did not.
        demands[name]?.failures = 0
        demands[name]?.retryAfter = .distantPast
      }
      demands[name, default: Demand(repository: repository, active: now)].repository = repository
    }
  }

  /// Someone is about to begin a session.
  package mutating func want(_ repository: RepositoryName, by user: UserID, at now: Date) {
    guard var demand = demands[repository] else { return }
    demand.wanting = demand.wanting.filter { now.timeIntervalSince($0.value) < Self.announcement }
    demand.wanting[user] = now
    demand.active = now
    demands[repository] = demand
  }

  /// Gives the oldest sandbox that may be claimed to `session`; the same one again when it has one that it did not record yet.
  ///
  /// - Parameter bundle: an agent that it must hold.
  package mutating func claim(
    _ repository: RepositoryName, for session: SessionID, needing bundle: AgentName?, at now: Date
  ) -> SandboxID? {
    demands[repository]?.active = now
    if let own = entries.values.first(where: { $0.state == .claimed(session) }) { return own.id }
    if demands[repository]?.claimant != session { demands[repository]?.claims.add(at: now) }
    demands[repository]?.claimant = session
    let fitting = entries.values.filter { entry in
      entry.repository == repository && entry.state == .ready && isCurrent(entry, at: now)
        && bundle.map { entry.bundles.contains($0) } != false
    }
    guard let chosen = fitting.min(by: { ($0.began, $0.id) < ($1.began, $1.id) }) else { return nil }
    entries[chosen.id]?.state = .claimed(session)
    return chosen.id
  }

  /// The session recorded it: it is no part of the pool any more.
  package mutating func confirmed(_ id: SandboxID) {
    if case .claimed = entries[id]?.state { entries[id] = nil }
  }

  /// The session will not use what it claimed. True when the sandbox is to be ended now.
  package mutating func abandoned(_ id: SandboxID) -> Bool {
    guard case .claimed = entries[id]?.state else { return false }
    entries[id]?.state = .retiring
    return true
  }

  /// A preparation is complete. False when it was retired meanwhile.
  package mutating func prepared(_ id: SandboxID, bundles: Set<AgentName>, memory: Int?) -> Bool {
    guard let entry = entries[id], entry.state == .preparing else { return false }
    entries[id]?.state = .ready
    entries[id]?.bundles = bundles
    entries[id]?.memory = memory
    demands[entry.repository]?.failures = 0
    demands[entry.repository]?.problem = nil
    return true
  }

  /// A preparation failed; the next one waits, longer each time.
  package mutating func failed(_ id: SandboxID, with error: RookeryError, at now: Date) {
    guard let entry = entries[id], entry.state == .preparing else { return }
    entries[id]?.state = .retiring
    guard var demand = demands[entry.repository] else { return }
    demand.failures += 1
    demand.retryAfter = now + min(600, 5 * pow(2, Double(min(demand.failures - 1, 10))))
    demand.problem = error
    demands[entry.repository] = demand
  }

  /// A waiting sandbox ended by itself. True when what is left of it is to be cleared away now.
  package mutating func died(_ id: SandboxID) -> Bool {
    guard entries[id]?.state == .ready else { return false }
    entries[id]?.state = .retiring
    return true
  }

  /// Nothing is left of it.
  package mutating func removed(_ id: SandboxID) {
    if entries[id]?.state == .retiring { entries[id] = nil }
  }

  /// Takes up a sandbox that an earlier process of ours left.
  package mutating func adopt(_ entry: PoolEntry) { entries[entry.id] = entry }

  // MARK: What to do

  /// Retires what is out of date or too much, and starts what is missing.
  package mutating func plan(at now: Date, makeID: () -> SandboxID) -> [Action] {
    var actions: [Action] = []
    let targets = targets(at: now)
    for entry in entries.values.sorted(by: { ($0.began, $0.id) < ($1.began, $1.id) }) where entry.isKept && !isCurrent(entry, at: now) {
      entries[entry.id]?.state = .retiring
      actions.append(.retire(entry.id))
    }
    for (repository, kept) in Dictionary(grouping: entries.values.filter(\.isKept), by: \.repository) {
      let excess = kept.count - (targets[repository] ?? 0)
      guard excess > 0 else { continue }
      // What is ready is worth more than what is not, the younger more than the older.
      let order = kept.sorted { left, right in
        if (left.state == .ready) != (right.state == .ready) { return right.state == .ready }
        return (left.began, left.id) < (right.began, right.id)
      }
      for entry in order.prefix(excess) {
        entries[entry.id]?.state = .retiring
        actions.append(.retire(entry.id))
      }
    }
    return actions + refill(targets, at: now, makeID: makeID)
  }

  private mutating func refill(_ targets: [RepositoryName: Int], at now: Date, makeID: () -> SandboxID) -> [Action] {
    var actions: [Action] = []
    var running = entries.values.count { $0.state == .preparing }
    while running < atOnce {
      let lacking = demands.filter { name, demand in
        demand.retryAfter <= now && kept(of: name) < (targets[name] ?? 0)
      }
      // Whoever has the least comes first, then who was active last.
      let next = lacking.min { left, right in
        let (few, many) = (kept(of: left.key), kept(of: right.key))
        return few != many ? few < many : (right.value.active, left.key) < (left.value.active, right.key)
      }
      guard let (name, demand) = next, let validity = demand.repository.validity else { break }
      let id = makeID()
      entries[id] = PoolEntry(id: id, repository: name, validity: validity, began: now, state: .preparing)
      actions.append(.prepare(id, name, validity))
      running += 1
    }
    return actions
  }

  private func kept(of repository: RepositoryName) -> Int {
    entries.values.count { $0.repository == repository && $0.isKept }
  }

  private func isCurrent(_ entry: PoolEntry, at now: Date) -> Bool {
    guard let repository = demands[entry.repository]?.repository else { return false }
    return repository.validity == entry.validity && now.timeIntervalSince(entry.began) < repository.settings.maximumAge
  }

  // MARK: How many

  /// How many to keep of each repository: what it wants, dealt out in rounds as far as the memory goes, the most recently active
  /// first in each round.
  package func targets(at now: Date) -> [RepositoryName: Int] {
    let order = demands.sorted { ($1.value.active, $0.key) < ($0.value.active, $1.key) }
    let wanted = order.map { (name: $0.key, count: Self.wanted($0.value, at: now), cost: cost(of: $0.key)) }
    var targets: [RepositoryName: Int] = [:]
    var left = memoryBudget
    for round in 0..<(wanted.map(\.count).max() ?? 0) {
      for (name, count, cost) in wanted where round < count && targets[name, default: 0] == round && cost <= left {
        targets[name] = round + 1
        left -= cost
      }
    }
    return targets
  }

  private static func wanted(_ demand: Demand, at now: Date) -> Int {
    let size = demand.repository.settings.size
    guard size > 0, demand.repository.validity != nil else { return 0 }
    let announced = demand.wanting.values.count { now.timeIntervalSince($0) < announcement }
    let silence = now.timeIntervalSince(demand.active)
    let usual = silence < quiet ? size : silence < asleep ? 1 : 0
    return min(2 * size, max(usual, announced, Int(demand.claims.value(at: now).rounded())))
  }

  private func cost(of repository: RepositoryName) -> Int {
    entries.values.compactMap { $0.repository == repository ? $0.memory : nil }.max() ?? Self.assumedMemory
  }

  /// What people see; nil when there is no such repository.
  package func problem(of repository: RepositoryName) -> RookeryError? { demands[repository]?.problem }
  package func size(of repository: RepositoryName) -> Int? { demands[repository]?.repository.settings.size }
}
