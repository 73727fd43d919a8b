import RookeryModel
import Testing

@testable import RookerySessions

@Suite struct CharacterBoundaryTests {
  @Test(arguments: 1...9) func charactersAreNeverTorn(chunk: Int) {
    let text = "aé€😀 ende – 日本"
    let bytes = Array(text.utf8)
    var boundary = CharacterBoundary(offset: 0)
    var result = ""
    var offset = 0
    while offset < bytes.count {
      let end = min(offset + chunk, bytes.count)
      let piece = boundary.take(Array(bytes[offset..<end]), at: UInt64(offset))
      #expect(!piece.contains("\u{FFFD}"))
      result += piece
      offset = end
    }
    #expect(result + boundary.rest() == text)
    #expect(boundary.offset == UInt64(bytes.count))
  }

  @Test func whatIsKnownIsSkipped() {
    var boundary = CharacterBoundary(offset: 3)
    #expect(boundary.take(Array("abcdef".utf8), at: 0) == "def")
    #expect(boundary.take(Array("abcdef".utf8), at: 0) == "")
    #expect(boundary.offset == 6)
  }

  @Test func garbageBecomesReplacementCharactersAndNeverWaits() {
    var boundary = CharacterBoundary(offset: 0)
    let text = boundary.take([0xff, 0x80, 0x80, 0x80, 0x80, 0x41], at: 0)
    #expect(text.hasSuffix("A"))
    #expect(boundary.offset == 6)
    #expect(boundary.take([0xf0, 0x9f], at: 6).isEmpty)
    #expect(boundary.rest() == "\u{FFFD}")
  }
}

@Suite struct EventTailTests {
  private func event(_ seq: Int64, bytes: Int = 10) -> EncodedEvent {
    EncodedEvent(seq: seq, kind: "notice", json: .init(repeating: 0, count: bytes))
  }

  @Test func itAnswersOnlyWhatIsWholeInMemory() {
    var tail = EventTail(limit: 100)
    #expect(tail.events(after: 0) == nil)
    for seq in 1...20 { tail.append(event(Int64(seq))) }
    #expect(tail.events(after: 0) == nil)
    let recent = tail.events(after: 17)
    #expect(recent?.map(\.seq) == [18, 19, 20])
    #expect(tail.events(after: 20) == [])
  }

  @Test func memoryIsBounded() {
    var tail = EventTail(limit: 1000)
    for seq in 1...10_000 { tail.append(event(Int64(seq), bytes: 100)) }
    #expect(tail.events.reduce(0) { $0 + $1.json.count } <= 1000)
    #expect(tail.events.last?.seq == 10_000)
  }
}
