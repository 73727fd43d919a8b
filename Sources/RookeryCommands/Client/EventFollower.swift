import AsyncHTTPClient
import Foundation
import NIOCore
import RookeryModel

/// Follows a session's log through broken connections and restarts of the server: every event once, in order.
package struct EventFollower: Sendable {
  /// What a follower does with an event.
  package enum Verdict: Sendable { case more, done }

  /// An event, and its JSON as the server sent it.
  package struct Received: Sendable {
    package var event: Event
    package var json: String
  }

  let api: APIClient
  let session: SessionID
  /// The server may be away for this long before the follower gives up.
  var patience: Duration = .seconds(120)

  package init(api: APIClient, session: SessionID) {
    self.api = api
    self.session = session
  }

  /// Calls `take` for each event after `after` until it is done. `lost` is told when the connection breaks.
  package func follow(
    after: Int64, isolation: isolated (any Actor)? = #isolation, lost: (RookeryError) -> Void = { _ in },
    take: (Received) async throws -> Verdict
  ) async throws {
    var reached = after
    var retry = ReconnectDelay()
    var lastContact = ContinuousClock.now
    while true {
      do {
        let before = reached
        if try await read(&reached, take) == .done { return }
        // The server ended the stream, to restart perhaps: ask again.
        if reached > before { retry = ReconnectDelay() }
        lastContact = .now
      } catch let error as RookeryError where error.code == .unavailable {
        guard ContinuousClock.now - lastContact < patience else { throw error }
        if retry.attempts == 0 { lost(error) }
      }
      try await Task.sleep(for: retry.next())
    }
  }

  private func read(
    _ reached: inout Int64, isolation: isolated (any Actor)? = #isolation, _ take: (Received) async throws -> Verdict
  ) async throws -> Verdict {
    let body = try await api.stream(.GET, "/v1/sessions/\(session)/events?after=\(reached)", accept: "text/event-stream")
    var parser = EventStreamParser()
    var parts = body.makeAsyncIterator()
    while true {
      let part: [UInt8]?
      do { part = try await parts.next(isolation: isolation).map { Array($0.readableBytesView) } } catch { throw api.failure(error) }
      guard let part else { return .more }
      // Signals are named; events are not.
      for message in try parser.feed(part) where message.name == "message" {
        let event: Event
        do { event = try JSON.decode(Event.self, from: Data(message.data.utf8)) } catch {
          throw RookeryError(
            .internal, "An event of the server is not understood.", mend: "Use the same version of the program as the server's.",
            context: "\(error)")
        }
        // What was seen is not shown again, whatever a proxy in between repeats.
        guard event.seq > reached else { continue }
        reached = event.seq
        if try await take(Received(event: event, json: message.data)) == .done { return .done }
      }
    }
  }
}

/// Growing waits between attempts.
struct ReconnectDelay: Sendable {
  private(set) var attempts = 0

  /// 0.2 s, doubled with each attempt up to 5 s.
  mutating func next() -> Duration {
    defer { attempts += 1 }
    return .milliseconds(min(5000, 200 << min(attempts, 5)))
  }
}
