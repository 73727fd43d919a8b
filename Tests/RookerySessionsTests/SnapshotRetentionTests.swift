import Foundation
import RookeryModel
import Testing

@testable import RookerySessions

@Suite struct SnapshotRetentionTests {
  private let now = Date(timeIntervalSince1970: 1_000_000)

  private func entry(_ id: String, age: TimeInterval, bytes: Int = 10, inUse: Bool = false) throws -> SnapshotRetention.Entry {
    .init(id: try SnapshotID(id), created: now.addingTimeInterval(-age), bytes: bytes, isInUse: inUse)
  }

  @Test func onlyWhatIsOlderThanTheAgeGoes() throws {
    let retention = SnapshotRetention(maximumAge: 100, maximumTotal: nil)
    let entries = [try entry("young", age: 99), try entry("exact", age: 100), try entry("old", age: 101)]
    #expect(retention.victims(of: entries, now: now) == [try SnapshotID("old")])
  }

  @Test func theOldestGoUntilTheRestFits() throws {
    let retention = SnapshotRetention(maximumAge: 1000, maximumTotal: 20)
    let entries = [try entry("c", age: 1), try entry("a", age: 3), try entry("b", age: 2)]
    #expect(retention.victims(of: entries, now: now) == [try SnapshotID("a")])
  }

  @Test func whatIsInUseStaysAndCounts() throws {
    let retention = SnapshotRetention(maximumAge: 1, maximumTotal: 10)
    let entries = [try entry("used", age: 500, bytes: 10, inUse: true), try entry("free", age: 0, bytes: 1)]
    #expect(retention.victims(of: entries, now: now) == [try SnapshotID("free")])
  }

  @Test func alarmsBackOffWithJitterAndGiveUp() throws {
    #expect(SessionAlarm.delay(afterAttempts: 1, jitter: 0.5) == .seconds(5))
    #expect(SessionAlarm.delay(afterAttempts: 2, jitter: 0.5) == .seconds(10))
    #expect(SessionAlarm.delay(afterAttempts: 8, jitter: 1) == .seconds(900))
    #expect(SessionAlarm.delay(afterAttempts: 9, jitter: 0) == nil)
    for attempts in 1...8 {
      let (low, high) = (SessionAlarm.delay(afterAttempts: attempts, jitter: 0), SessionAlarm.delay(afterAttempts: attempts, jitter: 1))
      #expect(try #require(low) < (try #require(high)))
    }
  }
}
