import Foundation
import RookeryModel
import Testing

@Suite struct TimestampTests {
  @Test func everyMillisecondIsWrittenAsItWasRead() throws {
    for millisecond in 0..<1000 {
      let text = "2026-11-23T01:02:03.\(String(1000 + millisecond).dropFirst())Z"
      let date = try #require(Timestamp.date(text))
      #expect(Timestamp.text(date) == text)
    }
  }
}
