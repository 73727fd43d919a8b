import Foundation
import RookeryModel
import Testing

@testable import RookerySandbox

@Suite struct BuildScheduleTests {
  private let start = Date(timeIntervalSince1970: 1_000_000)
  private let settings = BuildSchedule.Settings(interval: 100, longest: 1000)

  private func names(_ texts: String...) throws -> [RepositoryName] { try texts.map { try RepositoryName($0) } }

  @Test func firstLooksAreSpreadOverAnInterval() throws {
    var schedule = BuildSchedule(settings)
    var chances = [0.0, 0.5, 1.0].makeIterator()
    schedule.update(try names("a", "b", "c"), now: start) { chances.next() ?? 0 }
    #expect(schedule.next == start)
    #expect(schedule.take(now: start).count == 1)
    #expect(schedule.take(now: start.addingTimeInterval(49)).isEmpty)
    #expect(schedule.take(now: start.addingTimeInterval(100)).count == 2)
    #expect(schedule.next == nil)
  }

  @Test func oneThatIsLookedAtIsNotTakenAgain() throws {
    var schedule = BuildSchedule(settings)
    let all = try names("a", "b")
    schedule.update(all, now: start) { 0 }
    #expect(schedule.take(now: start) == all)
    schedule.update(all, now: start) { 0 }
    #expect(schedule.take(now: start.addingTimeInterval(10_000)).isEmpty)
    schedule.looked(at: all[0], failures: 0, now: start, chance: 0.5)
    #expect(schedule.next(all[0]) == start.addingTimeInterval(100))
    #expect(schedule.next(all[1]) == nil)
  }

  @Test func thoseThatAreGoneAreForgotten() throws {
    var schedule = BuildSchedule(settings)
    let all = try names("a", "b")
    schedule.update(all, now: start) { 0 }
    schedule.update([all[1]], now: start) { 0 }
    #expect(schedule.take(now: start) == [all[1]])
  }

  @Test(arguments: [(0, 100.0), (1, 200), (2, 400), (3, 800), (4, 1000), (5, 1000), (10_000, 1000), (-1, 100)])
  func failuresDoubleTheWait(failures: Int, seconds: Double) {
    #expect(BuildSchedule(settings).wait(failures: failures) == seconds)
  }

  @Test(arguments: [(0.0, 90.0), (0.5, 100), (1, 110)])
  func waitsAreJittered(chance: Double, seconds: Double) throws {
    var schedule = BuildSchedule(settings)
    let name = try RepositoryName("a")
    schedule.looked(at: name, failures: 0, now: start, chance: chance)
    let due = try #require(schedule.next(name))
    #expect(abs(due.timeIntervalSince(start) - seconds) < 0.001)
  }

  /// A cap below the interval doesn't make looks more frequent.
  @Test func theCapIsNeverBelowTheInterval() {
    #expect(BuildSchedule(.init(interval: 100, longest: 10)).wait(failures: 3) == 100)
  }
}
