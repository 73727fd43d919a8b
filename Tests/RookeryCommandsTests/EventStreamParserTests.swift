import RookeryModel
import Testing

@testable import RookeryCommands

@Suite struct EventStreamParserTests {
  private func messages(_ text: String, pieces: Int = .max) throws -> [EventStreamParser.Message] {
    var parser = EventStreamParser()
    var messages: [EventStreamParser.Message] = []
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      messages += try parser.feed(rest.prefix(pieces))
      rest = rest.dropFirst(pieces)
    }
    return messages
  }

  @Test(arguments: [1, 2, 3, 7, 1000])
  func readsMessagesInWhateverPieces(size: Int) throws {
    let text = ": generation 1\n\nid: 1\ndata: {\"a\":1}\n\n: alive\n\nid: 2\nevent: x\ndata: one\ndata: two\n\ndata:last\n\n"
    #expect(
      try messages(text, pieces: size) == [
        .init(id: "1", name: "message", data: #"{"a":1}"#), .init(id: "2", name: "x", data: "one\ntwo"),
        .init(id: "2", name: "message", data: "last"),
      ])
  }

  @Test(arguments: ["\n", "\r", "\r\n"], [1, 1000])
  func readsEveryKindOfLineEnd(end: String, size: Int) throws {
    let text = ["id: 7", "data: a", "data: b", "", ""].joined(separator: end)
    // A CR at the very end may be the start of a CR LF; the message is complete all the same.
    #expect(try messages(text, pieces: size) == [.init(id: "7", name: "message", data: "a\nb")])
  }

  @Test func keepsTheIdAndForgetsTheName() throws {
    let found = try messages("id: 5\nevent: e\ndata: a\n\ndata: b\n\n")
    #expect(found.map(\.id) == ["5", "5"])
    #expect(found.map(\.name) == ["e", "message"])
  }

  @Test func dispatchesNothingWithoutData() throws {
    #expect(try messages("event: x\nid: 1\n\n\n\n: c\n\n").isEmpty)
    #expect(try messages("data\n\n") == [.init(id: "", name: "message", data: "")])
    #expect(try messages("data: unfinished").isEmpty)
  }

  @Test func skipsAByteOrderMarkAndUnknownFields() throws {
    #expect(try messages("\u{feff}data: a\nretry: 10\nfoo: bar\n\n") == [.init(id: "", name: "message", data: "a")])
  }

  @Test func refusesAnEndlessEvent() {
    var parser = EventStreamParser(limit: 100)
    #expect(throws: RookeryError.self) { try parser.feed(Array(("data: " + String(repeating: "x", count: 200)).utf8)) }
    var many = EventStreamParser(limit: 100)
    #expect(throws: RookeryError.self) { try many.feed(Array(String(repeating: "data: 0123456789\n", count: 20).utf8)) }
  }
}
