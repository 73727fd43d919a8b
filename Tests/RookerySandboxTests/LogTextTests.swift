import RookeryModel
import Testing

@testable import RookerySandbox

@Suite struct LogTextTests {
  @Test(arguments: [
    ("plain\ttext", "plain\ttext"), ("\u{1b}[31mred\u{1b}[0m", "red"), ("\u{1b}]0;title\u{07}after", "after"),
    ("\u{1b}]8;;http://x\u{1b}\\link", "link"), ("bell\u{07}\u{08}", "bell"), ("\u{202e}reversed", "reversed"), ("\u{9b}31mcsi", "31mcsi"),
    ("\u{1b}(B ok", " ok"),
  ])
  func losesControlSequences(_ given: String, _ expected: String) { #expect(PlainText.line(given) == expected) }

  @Test func cutsLinesWhereverTheBytesBreak() {
    var splitter = LineSplitter()
    #expect(splitter.add("one\ntw".utf8) == ["one"])
    #expect(splitter.add("o\n\nthree".utf8) == ["two", ""])
    #expect(splitter.finish() == "three")
    #expect(splitter.finish() == nil)
  }

  @Test func aCarriageReturnStartsTheLineAnew() {
    var splitter = LineSplitter()
    #expect(splitter.add("10%\r50%\r100%\r\nend\r\n".utf8) == ["100%", "end"])
  }

  @Test func longLinesAreCutAndCounted() {
    var splitter = LineSplitter(limit: 4)
    #expect(splitter.add("123456789\nabc\n".utf8) == ["1234 … (5 bytes more)", "abc"])
  }

  @Test func aFullLogCountsTheRestAndStillTakesNotices() {
    var limiter = LogLimiter(limit: 2)
    #expect(limiter.line("s", "a")?.number == 1)
    #expect(limiter.line("s", "b")?.number == 2)
    #expect(limiter.line("s", "c") == nil)
    #expect(limiter.line("s", "d") == nil)
    #expect(limiter.notice("s", "why").number == 3)
    #expect(limiter.closing("s")?.text.hasPrefix("2 further lines") == true)
    #expect(limiter.closing("s") == nil)
  }

  @Test func aLogStoresEveryLineOnceAndInOrder() async throws {
    let stored = Stored()
    let log = BuildLog(limit: 500) { await stored.add($0) }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for part in 0..<8 {
        group.addTask {
          for line in 0..<100 {
            try await log.add(["\(part) \(line)"], step: "s")
            if line % 10 == 0 { try await log.flush() }
          }
        }
      }
      try await group.waitForAll()
    }
    try await log.close()
    let lines = await stored.lines
    #expect(lines.map(\.number) == Array(1...501))
    #expect(lines.last?.text.hasPrefix("300 further lines") == true)
  }

  private actor Stored {
    var lines: [BuildLine] = []
    func add(_ more: [BuildLine]) { lines += more }
  }
}
