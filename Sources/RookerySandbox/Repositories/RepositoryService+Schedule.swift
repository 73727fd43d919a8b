import Foundation
import Logging
import RookeryModel
import RookeryStore

/// The builder by itself: looks at tips in turn, and builds where something changed.
extension RepositoryService {
  /// Tips that are looked at at once.
  private static let looksAtOnce = 4
  /// Seconds between two looks at what images may go.
  private static let collection = 3600.0

  /// Looks until the task is cancelled. One repository's trouble delays no other: each look is a task of its own.
  func followSchedule() async {
    guard schedule != nil else { return }
    let places = AsyncSemaphore(Self.looksAtOnce)
    await withDiscardingTaskGroup { group in
      group.addTask { await self.collectPeriodically() }
      while !Task.isCancelled {
        for name in await dueNow() { group.addTask { await self.look(at: name, places) } }
        let wait = min(schedule?.next?.timeIntervalSinceNow ?? 60, 60)
        let alarm = Task { [scheduleChanged] in
          try await Task.sleep(for: .seconds(max(wait, 0)))
          scheduleChanged.yield()
        }
        await nextChange()
        alarm.cancel()
      }
    }
  }

  /// Waits for a change, the alarm of whoever waits, or cancellation.
  private nonisolated func nextChange() async {
    for await _ in scheduleChanges { return }
  }

  private func collectPeriodically() async {
    while !Task.isCancelled {
      do { try await Task.sleep(for: .seconds(Self.collection)) } catch { return }
      await collectImages()
    }
  }

  private func dueNow() async -> [RepositoryName] {
    do {
      let names = try await registry.repositories().map(\.name)
      let now = Date()
      schedule?.update(names, now: now, chance: chance)
      return schedule?.take(now: now) ?? []
    } catch {
      logger.warning("the schedule of builds can't be read", metadata: ["error": "\(error)"])
      return []
    }
  }

  private func look(at name: RepositoryName, _ places: AsyncSemaphore) async {
    do {
      try await places.enter()
      let isUnchanged: Bool
      do {
        isUnchanged = try await standing(of: registry.repository(name), reason: .schedule) != nil
      } catch {
        // The build that follows says so where people see it.
        isUnchanged = false
      }
      await places.leave()
      // How it ended is noted for the schedule where it ends.
      if isUnchanged { return noteLook(at: name, failures: 0) }
      _ = try await outcome(of: try await build(name, reason: .schedule).image)
    } catch {
      if !Task.isCancelled { logger.info("a scheduled look came to nothing", metadata: ["repository": "\(name)", "error": "\(error)"]) }
      noteLook(at: name, failures: 0)
    }
  }

  func noteLook(at name: RepositoryName, failures: Int) {
    schedule?.looked(at: name, failures: failures, now: Date(), chance: chance())
    scheduleChanged.yield()
  }

  /// Looks at the tip again now, because a push was announced.
  package func announcePush(_ name: RepositoryName) async throws -> BuildSummary { try await build(name, reason: .push) }
}
