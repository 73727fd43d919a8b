import Foundation
import RookeryModel
import RookeryTestSupport
import Synchronization

@testable import RookeryMetrics
@testable import RookeryStore

/// Sessions' files with the events that a test wants, without an engine.
struct SessionWriter {
  /// Stores stay open, as the sessions' own do.
  private final class Stores: Sendable {
    let open = Mutex<[SessionID: SessionStore]>([:])
  }

  private let stores = Stores()
  let directory: TemporaryDirectory
  let store: MetricsStore

  init() throws {
    directory = try TemporaryDirectory(prefix: "rookery-metrics")
    try FileManager.default.createDirectory(atPath: directory.path("sessions"), withIntermediateDirectories: true)
    store = try MetricsStore(directory: directory.path)
  }

  var sessions: String { directory.path("sessions") }

  static func person(_ name: String) throws -> Author {
    Author(user: try UserID("u-\(name)"), name: name.capitalized, email: "\(name)@example.org")
  }

  /// Appends events to a session's log, making it when it is not there.
  func append(_ session: SessionID, _ events: [(EventPayload, Int?, Date)]) throws {
    let store = try stores.open.withLock { open in
      if let store = open[session] { return store }
      let store = try SessionStore(directory: sessions, session: session, create: true)
      open[session] = store
      return store
    }
    try store.write { transaction in
      if try transaction.meta() == nil { try transaction.setMeta(Data("{}".utf8)) }
      for (payload, turn, time) in events { _ = try transaction.append(payload, turn: turn, at: time) }
    }
  }

  func begin(_ session: SessionID, _ repository: String = "site", by owner: String = "ada", at time: Date) throws {
    try append(
      session,
      [
        (
          .sessionCreated(
            .init(
              repository: try RepositoryName(repository), branch: "rookery/\(session)", agent: try AgentName("command"),
              owner: try Self.person(owner))), nil, time
        )
      ])
  }

  func followAll() throws {
    for session in try SessionStore.sessions(in: sessions) { try store.follow(session, in: sessions) }
  }

  /// The rows that a store has that was derived in one go.
  func rebuilt() throws -> [String] {
    let other = try TemporaryDirectory(prefix: "rookery-metrics")
    let store = try MetricsStore(directory: other.path)
    for session in try SessionStore.sessions(in: sessions) { try store.follow(session, in: sessions) }
    return try store.contents()
  }
}

/// A random source that repeats.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}

func day(_ text: String) throws -> Date {
  guard let date = Timestamp.date(text.contains("T") ? text : text + "T00:00:00Z") else { throw CocoaError(.formatting) }
  return date
}

func prompt(_ id: String, by name: String = "ada") throws -> EventPayload {
  .promptQueued(.init(prompt: try PromptID(id), text: "Do it", author: try SessionWriter.person(name)))
}

func started(_ id: String, by name: String = "ada") throws -> EventPayload {
  .turnStarted(.init(prompt: try PromptID(id), author: try SessionWriter.person(name)))
}

func finished(_ id: String, _ result: TurnFinished.Result = .completed) throws -> EventPayload {
  .turnFinished(.init(prompt: try PromptID(id), result: result, stopReason: nil, commit: nil, error: nil))
}

func opened(_ number: Int) -> EventPayload {
  .pullRequestOpened(.init(number: number, url: "https://forge/\(number)", title: "T", author: "ada"))
}
