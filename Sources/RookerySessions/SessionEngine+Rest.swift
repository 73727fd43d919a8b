import Foundation
import Logging
import RookeryModel
import RookeryStore

/// Sessions that do nothing rest: their actors go and their files are closed; who follows them goes on following.
extension SessionEngine {
  /// How long nothing must have happened in a session.
  static let idleTime = Duration.seconds(10)
  private static let lookInterval = Duration.seconds(1)

  /// Asks a session for something, waking it where it rests.
  func using<Value: Sendable>(_ id: SessionID, _ body: @Sendable (LiveSession) async throws -> Value) async throws -> Value {
    while true {
      let session = try session(id)
      do {
        return try await body(session)
      } catch is SessionRetired {
        // It went to rest between our finding it and its hearing us.
        if live[id] === session { live[id] = nil }
      }
    }
  }

  /// Puts idle sessions to rest, and wakes those whose alarm is due.
  func letIdleOnesRest() async {
    while !Task.isCancelled {
      do { try await Task.sleep(for: Self.lookInterval) } catch { return }
      await restIdle()
      await wakeDue(at: Date())
    }
  }

  func restIdle(after idle: Duration = SessionEngine.idleTime) async {
    for (id, session) in live where ContinuousClock.now - (touched[id] ?? .now) >= idle {
      await rest(id, session, idleFor: idle)
    }
  }

  func rest(_ id: SessionID, _ session: LiveSession, idleFor idle: Duration) async {
    guard !closing, let state = await session.retire(idleFor: idle) else { return }
    // Someone may have found it resting meanwhile, and opened it anew.
    guard live[id] === session else { return }
    live[id] = nil
    touched[id] = nil
    resting[id] = state
  }

  func wakeDue(at now: Date) async {
    for (id, state) in resting where state.alarm.map({ $0 <= now }) ?? false {
      do { try await session(id).takeUpAlarms() } catch {
        services.logger.warning("could not wake a session", metadata: ["session": "\(id)", "error": "\(error)"])
        resting[id]?.alarm = now.addingTimeInterval(60)
      }
    }
  }

  /// Asks every session that there is, one after another; those that rested rest again.
  func eachSession(_ body: @Sendable (LiveSession) async throws -> Void) async throws {
    for id in try SessionStore.sessions(in: services.directory) {
      let rested = live[id] == nil
      // One that was deleted meanwhile needs nothing; any other failure may hide what the caller must know.
      do { try await using(id, body) } catch let error as RookeryError where error.code == .notFound {}
      if rested, let session = live[id] { await rest(id, session, idleFor: .zero) }
    }
  }
}
