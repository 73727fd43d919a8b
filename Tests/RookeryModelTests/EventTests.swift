import Foundation
import RookeryModel
import Testing

@Suite struct EventTests {
  static let author = Author(user: .random(prefix: "u"), name: "Ada Lovelace", email: "ada@example.com")

  @Test func anEventSurvivesTheWire() throws {
    let event = Event(
      seq: 7, time: Date(timeIntervalSince1970: 1_700_000_000.125), turn: 2,
      payload: .toolCall(
        .init(
          id: "t1", title: "Edit", kind: "edit", status: "pending", content: [.diff(path: "a.txt", old: nil, new: "x")],
          locations: [.init(path: "a.txt", line: 3)], input: ["command": "ls", "n": 3, "ok": true, "none": nil])))
    let data = try JSON.encode(event)
    #expect(try JSON.decode(Event.self, from: data) == event)
    let raw = try JSON.decode(JSONValue.self, from: data)
    #expect(raw["kind"] == "tool.call")
    #expect(raw["seq"] == 7)
    #expect(raw["time"] == "2023-11-14T22:13:20.125Z")
  }

  @Test func aKindFromALaterVersionIsKept() throws {
    let text = #"{"seq":1,"time":"2026-01-01T00:00:00.000Z","kind":"moon.landed","payload":{"by":["a",1,null]}}"#
    let event = try JSON.decode(Event.self, from: Data(text.utf8))
    #expect(event.payload == .unknown(kind: "moon.landed", body: ["by": ["a", 1, nil]]))
    #expect(try JSON.decode(Event.self, from: JSON.encode(event)) == event)
  }

  @Test(arguments: [
    "", "../etc", "a/b", "A", "-a", ".a", "a..b", "a b", "ä", "a.lock", String(repeating: "a", count: 65), "a\u{0}b", "a\nb",
  ]) func anUnsafeIdIsRefused(_ text: String) {
    #expect(RepositoryName(rawValue: text) == nil)
    #expect(throws: RookeryError.self) { try RepositoryName(text) }
  }

  @Test func idsAreRandomAndValid() throws {
    let ids = Set((0..<1000).map { _ in SessionID.random(prefix: "s").rawValue })
    #expect(ids.count == 1000)
    for id in ids { #expect(SessionID(rawValue: id) != nil) }
  }

  @Test func internalContextIsNeverSent() throws {
    let error = RookeryError(.internal, "It failed.", mend: "Look.", context: "password=hunter2")
    #expect(!String(decoding: try JSON.encode(API.Failure(error: error)), as: UTF8.self).contains("hunter2"))
  }

  @Test func aSecretPrintsAsAPlaceholder() {
    let secret = Secret("hunter2")
    var dumped = ""
    dump(secret, to: &dumped)
    for text in ["\(secret)", String(reflecting: secret), "\([secret])", dumped] { #expect(!text.contains("hunter2")) }
  }
}
