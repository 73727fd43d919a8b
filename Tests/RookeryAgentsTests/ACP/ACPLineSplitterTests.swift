import RookeryAgents
import RookeryModel
import Testing

@Suite struct ACPLineSplitterTests {
  private typealias Line = ACPLineSplitter.Line
  private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

  @Test func cutsLinesWhereverTheChunksEnd() throws {
    let stream = bytes("{\"a\":1}\r\n\n{\"é\":2}\n\r\nrest")
    let expected = [
      Line(bytes: bytes("{\"a\":1}"), end: 9), Line(bytes: [], end: 10), Line(bytes: bytes("{\"é\":2}"), end: 19),
      Line(bytes: [], end: 21),
    ]
    for size in 1...stream.count {
      var splitter = ACPLineSplitter()
      var lines: [ACPLineSplitter.Line] = []
      for start in stride(from: 0, to: stream.count, by: size) {
        lines += try splitter.append(offset: UInt64(start), bytes: Array(stream[start..<min(start + size, stream.count)]))
      }
      #expect(lines == expected)
      #expect(splitter.finish() == Line(bytes: bytes("rest"), end: 25))
      #expect(splitter.finish() == nil)
    }
  }

  @Test func resumesAfterAStoredLine() throws {
    var splitter = ACPLineSplitter(offset: 9)
    // The runner sends from an earlier offset than what is known, or the same again.
    #expect(try splitter.append(offset: 7, bytes: bytes("\r\nab\n")) == [Line(bytes: bytes("ab"), end: 12)])
    #expect(try splitter.append(offset: 9, bytes: bytes("ab\n")).isEmpty)
    #expect(try splitter.append(offset: 0, bytes: []).isEmpty)
    #expect(splitter.offset == 12)
    #expect(throws: RookeryError.self) { try splitter.append(offset: 13, bytes: [1]) }
  }

  @Test func limitsLines() throws {
    var splitter = ACPLineSplitter(limit: 8)
    #expect(try splitter.append(offset: 0, bytes: bytes("12345678\n")).count == 1)
    #expect(try splitter.append(offset: 9, bytes: bytes("1234")).isEmpty)
    do {
      _ = try splitter.append(offset: 13, bytes: bytes("56789\n"))
      Issue.record("taken")
    } catch {
      #expect(error.code == .agentProtocol)
    }
    #expect(ACPLineSplitter.limit == 32 << 20)
  }
}
