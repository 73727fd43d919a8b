import Foundation
import RookeryModel
import RookeryStore
import RookeryTestSupport
import Testing

@testable import RookerySessions

/// Sessions that do nothing hold nothing, and lose nothing by it.
@Suite(.timeLimit(.minutes(1))) struct EngineRestTests {
  private func notice(_ text: String) -> EventPayload { .notice(.init(level: .info, text: text)) }

  @Test func anIdleSessionRestsWhileItIsFollowed() async throws {
    let fixture = try EngineFixture()
    let id = try fixture.makeSession()
    let feed = try await fixture.engine.feed(id)
    #expect(await fixture.engine.live[id] != nil)
    await fixture.engine.restIdle(after: .zero)
    #expect(await fixture.engine.live[id] == nil)
    #expect(await fixture.engine.resting[id] != nil)
    // Whoever follows hears what the next actor says, and waking takes only being asked.
    var cursor = try await fixture.engine.cursor(id, after: 1)
    let text = notice("after the rest")
    try await fixture.engine.using(id) { try await $0.commitOnce(text) }
    #expect(try await cursor.next().events.map(\.seq) == [2])
    #expect(try await fixture.engine.feed(id) === feed)
    #expect(feed.seq == 2)
  }

  @Test func aSessionInUseDoesNotRest() async throws {
    let fixture = try EngineFixture()
    let id = try fixture.makeSession()
    _ = try await fixture.engine.session(id)
    await fixture.engine.restIdle(after: .seconds(60))
    #expect(await fixture.engine.live[id] != nil)
  }

  @Test func restsBetweenWritesLoseNothing() async throws {
    let fixture = try EngineFixture()
    let id = try fixture.makeSession()
    let engine = fixture.engine
    let resting = Task {
      var rests = 0
      while !Task.isCancelled {
        await engine.restIdle(after: .zero)
        if await engine.live[id] == nil { rests += 1 }
        await Task.yield()
      }
      return rests
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<200 {
        let text = notice("\(number)")
        group.addTask { try await engine.using(id) { try await $0.commitOnce(text) } }
      }
      try await group.waitForAll()
    }
    resting.cancel()
    let rests = await resting.value
    let events = try await engine.events(id, after: 0, limit: 1000).events
    #expect(events.map(\.seq) == Array(1...201))
    let texts = Set(events.compactMap { if case .notice(let notice) = $0.payload { notice.text } else { nil } })
    #expect(texts == Set((0..<200).map(String.init)))
    #expect(rests > 0)
  }

  @Test func anAlarmWakesASessionThatRests() async throws {
    let fixture = try EngineFixture()
    let id = try fixture.makeSession()
    let alarms = [StoredAlarm(name: "later", due: Date(timeIntervalSinceNow: 3600)), StoredAlarm(name: "now", due: Date())]
    try await fixture.engine.using(id) { try await $0.set(alarms, sandbox: .random(prefix: "b")) }
    await fixture.engine.restIdle(after: .zero)
    let due = try #require(await fixture.engine.resting[id]?.alarm)
    #expect(due <= Date())
    await fixture.engine.wakeDue(at: Date())
    // It rings, and the other of them stays.
    try await eventually("the alarm rings") {
      try await fixture.engine.using(id) { try await $0.alarmNames() } == ["later"]
    }
  }

  @Test func anEarlierProcessCanWriteNoMore() throws {
    let fixture = try EngineFixture()
    let id = try fixture.makeSession()
    let (first, second) = (try fixture.registry.beginEpoch(), try fixture.registry.beginEpoch())
    #expect(first < second)
    let old = try SessionStore(directory: fixture.services.directory, session: id, create: false, epoch: first)
    try old.write { _ = try $0.append(notice("old"), turn: nil, at: Date()) }
    let new = try SessionStore(directory: fixture.services.directory, session: id, create: false, epoch: second)
    try new.write { _ = try $0.append(notice("new"), turn: nil, at: Date()) }
    #expect {
      try old.write { _ = try $0.append(notice("too late"), turn: nil, at: Date()) }
    } throws: {
      ($0 as? RookeryError)?.code == .unavailable
    }
    #expect(try new.read { try $0.lastSeq() } == 3)
  }

  @Test func theLogIsPagedBackwardsToo() async throws {
    let fixture = try EngineFixture()
    let id = try fixture.makeSession()
    for number in 0..<30 {
      let text = notice("\(number)")
      try await fixture.engine.using(id) { try await $0.commitOnce(text) }
    }
    #expect(try await fixture.engine.events(id, before: 20, limit: 5).events.map(\.seq) == Array(15...19))
    #expect(try await fixture.engine.events(id, before: 3, limit: 5).events.map(\.seq) == [1, 2])
    #expect(try await fixture.engine.events(id, before: 1, limit: 5).events.isEmpty)
  }
}

extension LiveSession {
  fileprivate func commitOnce(_ payload: EventPayload) throws { try commit([payload]) }

  fileprivate func set(_ alarms: [StoredAlarm], sandbox: SandboxID) throws {
    meta.sandbox = sandbox
    try commit { transaction in
      for alarm in alarms { try transaction.setAlarm(alarm) }
      return []
    }
  }

  fileprivate func alarmNames() throws -> [String] { try store.read { try $0.alarms().map(\.name) } }
}
