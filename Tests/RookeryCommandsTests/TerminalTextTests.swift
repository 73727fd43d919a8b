import Foundation
import RookeryHost
import RookeryModel
import Testing

@testable import RookeryCommands

@Suite struct TerminalTextTests {
  @Test(arguments: [
    ("plain", "plain"), ("tab\tand\nline", "tab\tand\nline"), ("a\u{1b}[31;1mred\u{1b}[0m", "ared"), ("a\u{1b}]0;title\u{7}b", "ab"),
    ("a\u{1b}]8;;http://x\u{1b}\\b", "ab"), ("\u{9b}2Jx", "x"), ("a\rb\u{8}c\u{7f}", "abc"), ("\u{1b}(Bx", "x"), ("\u{202e}abc", "abc"),
    ("\u{1b}]never ended\nnext", "\nnext"), ("\u{1b}[3\nx", "\nx"), ("👩‍💻 ü 漢", "👩‍💻 ü 漢"), ("\u{1b}", ""), ("\u{1b}\u{1b}[1mx", "x"),
    ("\u{2028}a", "a"), ("\u{e000}", ""),
  ])
  func cleans(raw: String, clean: String) {
    #expect(PrintableText.clean(raw) == clean)
  }

  @Test func oneLineHasNoBreaks() { #expect(PrintableText.clean("a\nb\tc", oneLine: true) == "a b c") }

  @Test func coloursOnlyWhereWanted() {
    #expect(Palette(isColoured: false).paint("x", .red) == "x")
    #expect(Palette(isColoured: true).paint("x", .red, .bold) == "\u{1b}[31;1mx\u{1b}[0m")
    #expect(Palette(isColoured: true).paint("", .red) == "")
  }

  @Test(arguments: [["NO_COLOR": "1"], ["TERM": "dumb"]])
  func environmentSwitchesColoursOff(environment: [String: String]) {
    #expect(!Terminal(environment: environment).output.isColoured)
    #expect(!Terminal(environment: environment).diagnostics.isColoured)
  }

  @Test(arguments: [
    (0.04, "0.0 s"), (0.44, "0.4 s"), (9.94, "9.9 s"), (9.96, "10 s"), (59.4, "59 s"), (61.0, "1 min 01 s"), (3725.0, "1 h 02 min"),
  ])
  func durations(seconds: Double, text: String) {
    #expect(Quantity.text(seconds: seconds) == text)
    #expect(Quantity.text(.milliseconds(Int(seconds * 1000))) == text)
  }

  @Test(arguments: [(0, "0 B"), (999, "999 B"), (1000, "1.0 KB"), (9949, "9.9 KB"), (260_000_000, "260 MB"), (999_600, "1.0 MB")])
  func sizes(bytes: Int, text: String) { #expect(Quantity.text(bytes: bytes) == text) }

  @Test(arguments: [(10.0, "just now"), (300.0, "5 min ago"), (7200.0, "2 h ago"), (200_000.0, "2 d ago"), (-5.0, "just now")])
  func ages(seconds: Double, text: String) {
    let now = Date(timeIntervalSince1970: 1_000_000)
    #expect(Quantity.ago(now.addingTimeInterval(-seconds), now: now) == text)
  }

  @Test func tablesAlignTheirColumns() {
    var table = Table("NAME", "STATE", "TITLE")
    table.add("a", "running", "x\ny")
    table.add("longer", "idle", "\u{1b}[31mz")
    #expect(table.text(Palette(isColoured: false)) == "NAME    STATE    TITLE\na       running  x y\nlonger  idle     z")
  }

  @Test func diffsHaveTheirColours() {
    let diff = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n-old\u{1b}[2J\n+new\n+++ text\n same\n"
    #expect(
      DiffText.render(diff, Palette(isColoured: true)) == """
        \u{1b}[1mdiff --git a/x b/x\u{1b}[0m
        \u{1b}[2m--- a/x\u{1b}[0m
        \u{1b}[2m+++ b/x\u{1b}[0m
        \u{1b}[36m@@ -1,2 +1,2 @@\u{1b}[0m
        \u{1b}[31m-old\u{1b}[0m
        \u{1b}[32m+new\u{1b}[0m
        \u{1b}[32m+++ text\u{1b}[0m
         same

        """)
    #expect(DiffText.render("a\nb", Palette(isColoured: false)) == "a\nb")
  }

  @Test func findingsNameTheirMend() {
    let plain = Palette(isColoured: false)
    #expect(FindingText.render(Finding("disk", .failure, "full", mend: "Free some."), plain) == "✗ disk: full\n    Free some.")
    #expect(FindingText.render(Finding("root", .ok, "yes"), plain) == "✓ root: yes")
  }

  @Test func linesComeOutOfAStreamWhole() throws {
    var buffer = LineBuffer()
    #expect(try buffer.feed(Array("{\"a\"".utf8)).isEmpty)
    #expect(try buffer.feed(Array(":1}\n\n{}\nre".utf8)).map { String(decoding: $0, as: UTF8.self) } == [#"{"a":1}"#, "{}"])
    #expect(throws: RookeryError.self) { try buffer.feed([UInt8](repeating: 0x78, count: 2 << 20)) }
  }
}
