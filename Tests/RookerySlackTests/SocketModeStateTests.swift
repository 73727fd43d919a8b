import RookeryModel
import Testing

@testable import RookerySlack

/// Socket Mode as a value: what it does, moment by moment.
@Suite struct SocketModeStateTests {
  private static let hello = #"{"type":"hello","num_connections":1}"#

  private func greeted() -> SocketModeState {
    var state = SocketModeState()
    #expect(state.start(now: 0) == [.open(1, after: .zero)])
    #expect(!state.isConnected)
    #expect(state.received(Self.hello, on: 1, now: 1) == [])
    #expect(state.isConnected)
    return state
  }

  @Test func anEnvelopeIsTaken() {
    var state = greeted()
    let text = #"{"envelope_id":"e1","type":"events_api","payload":{"a":1},"retry_attempt":2,"retry_reason":"timeout"}"#
    #expect(
      state.received(text, on: 1, now: 2)
        == [.take(1, envelope: "e1", kind: "events_api", payload: ["a": 1], attempt: 2)])
  }

  @Test(arguments: ["", "[]", "{}", #"{"type":"new_thing"}"#, #"{"envelope_id":"e"}"#, "\u{0}"])
  func whatIsNotUnderstoodIsIgnored(text: String) {
    var state = greeted()
    #expect(state.received(text, on: 1, now: 2) == [])
    #expect(state.received(text, on: 9, now: 2) == [], "nor from a socket that is gone")
  }

  @Test(arguments: ["warning", "refresh_requested", "something_new"])
  func theReplacementComesBeforeTheOldOneGoes(reason: String) {
    var state = greeted()
    #expect(state.received(#"{"type":"disconnect","reason":"\#(reason)"}"#, on: 1, now: 5) == [.open(2, after: .zero)])
    #expect(state.isConnected, "the old one serves on")
    #expect(state.received(#"{"envelope_id":"e","type":"t","payload":{}}"#, on: 1, now: 6).count == 1)
    #expect(state.received(#"{"type":"disconnect","reason":"\#(reason)"}"#, on: 1, now: 6) == [], "one replacement is enough")
    #expect(state.received(Self.hello, on: 2, now: 7) == [.close(1)])
    #expect(state.received(#"{"envelope_id":"f","type":"t","payload":{}}"#, on: 1, now: 7).count == 1, "what it had begun to send counts")
    #expect(state.ended(1, now: 8) == [])
    #expect(state.isConnected)
  }

  @Test func theOldOneMayEndBeforeItsReplacementIsThere() {
    var state = greeted()
    _ = state.received(#"{"type":"disconnect","reason":"warning"}"#, on: 1, now: 5)
    #expect(state.ended(1, now: 6) == [], "one is being opened already")
    #expect(state.received(Self.hello, on: 2, now: 7) == [])
    #expect(state.isConnected)
  }

  @Test func aBrokenSocketIsReplacedAtOnceAndFailuresBackOff() {
    var state = greeted()
    #expect(state.ended(1, now: 10) == [.open(2, after: .zero)])
    var waits: [Duration] = []
    var socket = 2
    for _ in 0..<10 {
      guard case .open(let next, let wait)? = state.ended(socket, now: 11).first else {
        Issue.record("no attempt")
        return
      }
      waits.append(wait)
      socket = next
    }
    #expect(waits.first == .milliseconds(500))
    #expect(zip(waits, waits.dropFirst()).allSatisfy { $0 <= $1 })
    #expect(waits.last == .seconds(60))
    #expect(state.received(Self.hello, on: socket, now: 12) == [])
    #expect(state.ended(socket, now: 13) == [.open(socket + 1, after: .zero)], "a greeting forgives")
  }

  @Test func silenceIsAskedAndThenGivenUp() {
    var state = greeted()
    #expect(state.tick(now: 30) == [])
    #expect(state.tick(now: 32) == [.ping(1)])
    #expect(state.tick(now: 40) == [])
    state.heard(on: 1, now: 41)
    #expect(state.tick(now: 60) == [])
    #expect(state.tick(now: 72) == [.ping(1)])
    #expect(state.tick(now: 90) == [.close(1), .open(2, after: .zero)])
    #expect(state.ended(1, now: 91) == [])
  }

  @Test func aGreetingThatDoesNotComeIsNotAwaitedForEver() {
    var state = SocketModeState()
    _ = state.start(now: 0)
    #expect(state.tick(now: 21) == [.close(1), .open(2, after: .milliseconds(500))])
  }

  @Test func aDisabledAppWaitsLong() {
    var state = greeted()
    #expect(
      state.received(#"{"type":"disconnect","reason":"link_disabled"}"#, on: 1, now: 5)
        == [.close(1), .disabled, .open(2, after: .seconds(300))])
    #expect(state.tick(now: 200) == [], "it is not late before it was to begin")
  }
}
