import RookeryModel
import RookerySessions
import Synchronization

/// Who follows which session at this moment, by their open streams. Whoever listens is told of each change by a signal.
package final class Watchers: Sendable {
  private struct State {
    /// How many streams each person has open.
    var open: [SessionID: [Author: Int]] = [:]
  }

  private let sessions: any SessionService
  private let state = Mutex(State())

  init(sessions: any SessionService) { self.sessions = sessions }

  /// By name.
  func people(of session: SessionID) -> [Author] {
    state.withLock { Self.sorted($0.open[session]) }
  }

  private static func sorted(_ open: [Author: Int]?) -> [Author] {
    (open ?? [:]).keys.sorted { ($0.name, $0.user) < ($1.name, $1.user) }
  }

  /// Counts `person` among those who watch while `body` runs.
  func watching(_ session: SessionID, as person: Author, while body: () async throws -> Void) async throws {
    await change(session, person, by: 1)
    do {
      try await body()
    } catch {
      await change(session, person, by: -1)
      throw error
    }
    await change(session, person, by: -1)
  }

  private func change(_ session: SessionID, _ person: Author, by step: Int) async {
    let people: [Author]? = state.withLock { state in
      let before = state.open[session]?[person] ?? 0
      let after = before + step
      state.open[session, default: [:]][person] = after > 0 ? after : nil
      if state.open[session]?.isEmpty == true { state.open[session] = nil }
      return (before == 0) == (after == 0) ? nil : Self.sorted(state.open[session])
    }
    guard let people, let signal = try? SessionSignal(Watching.signal, Watching(people: Array(people.prefix(50)))) else { return }
    // A session that is gone has nobody to tell.
    try? await sessions.signal(session, signal)
  }
}
