import Foundation
import RookeryModel
import RookeryTestSupport
import Testing

@testable import RookeryServer

@Suite struct HTMLTests {
  @Test func whatIsInterpolatedIsEscaped() {
    let text = #"<script>alert("1")</script> & 'x'"#
    let html: HTML = #"<p title="\#(text)">\#(text)</p>"#
    #expect(!html.text.contains("<script"))
    #expect(html.text.contains("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &#39;x&#39;"))
    let nested: HTML = "<b>\(html)</b>"
    #expect(nested.text == "<b>\(html.text)</b>")
  }

  @Test(arguments: [
    ("https://a.example/x?y=1", true), ("http://a.example", true), ("/sessions/x", true), ("javascript:alert(1)", false),
    ("JaVaScRiPt:alert(1)", false), (" javascript:alert(1)", false), ("//evil.example", false), ("/\\evil.example", false),
    ("data:text/html,x", false),
    ("", false), ("vbscript:x", false),
  ])
  func linksLeadToSafePlaces(link: String, isSafe: Bool) {
    let html: HTML = #"<a href="\#(link: link)">x</a>"#
    #expect(html.text.contains("href=\"#\"") == !isSafe)
  }
}

@Suite struct MarkdownTests {
  @Test(arguments: [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "a <b onmouseover=alert(1)>b</b>", "[x](javascript:alert(1))",
    "[x](JAVASCRIPT:alert(1))", "[x](&#106;avascript:alert(1))", "[x](data:text/html;base64,PHNjcmlwdD4=)", "<javascript:alert(1)>",
    "![x](javascript:alert(1))", "![x](https://evil.example/p.png)", "[a]: javascript:alert(1)\n[a]", "<svg/onload=alert(1)>",
    "```html\n<script>alert(1)</script>\n```", "|a|\n|-|\n|<img src=x onerror=alert(1)>|", "<iframe src=//evil.example></iframe>",
    "[x](vbscript:x)", "[x](<javascript:alert(1)>)", "![![a](javascript:b)](javascript:c)", "x\"onload=\"alert(1)",
    "[x](https://a.example \"\\\"onmouseover=alert(1)\")",
  ])
  func nothingActiveComesOut(markdown: String) {
    let html = Markdown.html(markdown).text
    let tags = html.matches(of: /<[^>]*>/).map { String($0.output).lowercased() }
    for tag in tags {
      #expect(!tag.hasPrefix("<script") && !tag.hasPrefix("<img") && !tag.hasPrefix("<svg") && !tag.hasPrefix("<iframe"), "\(html)")
      #expect(tag.wholeMatch(of: /<[a-z0-9\/]+( (href|title|class|align|type|checked|disabled|start)="[^"]*")*( \/)?>/) != nil, "\(tag)")
      #expect(!tag.contains("javascript:") && !tag.contains("vbscript:") && !tag.contains("href=\"data:"), "\(html)")
    }
  }

  @Test func whatGitHubShowsIsShown() {
    let html = Markdown.html(
      "# T\n\n~~old~~ https://a.example\n\n- [x] done\n- [ ] open\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n\n![alt](https://a.example/p.png) <b>raw</b>\n"
    ).text
    for part in [
      "<h1>T</h1>", "<del>old</del>", "<a href=\"https://a.example\">", "type=\"checkbox\"", "<table>", "align=\"right\"",
      "<a href=\"https://a.example/p.png\">alt</a>", "&lt;b&gt;raw&lt;/b&gt;",
    ] { #expect(html.contains(part), "\(part)") }
  }

  @Test func eachBlockIsOneElement() {
    let blocks = Markdown.blocks("para\n\n- a\n- b\n\n```\ncode\n```\n\n<div>\nraw\n</div>\n\n> q\n\n|a|\n|-|\n|b|\n\n---\n")
    #expect(blocks.count == 7)
    for block in blocks { #expect(block.text.hasPrefix("<") && !block.text.hasPrefix("<!--")) }
  }

  /// Text of a kind that makes the library slow or hungry is rendered within its bounds.
  @Test(arguments: [
    "http://a" + String(repeating: ")", count: 200_000),
    "|" + String(repeating: "x|", count: 8000) + "\n|" + String(repeating: "-|", count: 8000) + "\n"
      + String(repeating: "x\n", count: 50_000),
    String(repeating: "![[]()", count: 40_000), String(repeating: "a@", count: 120_000), String(repeating: ">", count: 300_000),
    String(repeating: "```\n", count: 60_000), "```" + String(repeating: "x", count: 300_000), String(repeating: "é", count: 200_000),
  ])
  func hostileTextIsBounded(text: String) {
    let start = ContinuousClock.now
    let html = Markdown.html(text)
    #expect(start.duration(to: .now) < .seconds(30))
    #expect(html.text.utf8.count < 40_000_000)
  }

  @Test func growingEqualsWhole() {
    let text = (0..<3000).map { "Line \($0) with `code`\n\n```swift\nlet x = \($0)\n```\n\n" }.joined()
    var growing = GrowingMarkdown()
    var rest = Substring(text)
    while !rest.isEmpty {
      growing.append(String(rest.prefix(777)))
      rest = rest.dropFirst(777)
    }
    #expect(growing.blocks() == Markdown.blocks(text))
    let code = Markdown.blocks("```swift\n" + String(repeating: "let x = 1\n", count: 5000) + "```\n\nafter\n")
    #expect(code.dropLast().allSatisfy { $0.text.hasPrefix("<pre><code class=\"language-swift\">") })
    #expect(code.last?.text == "<p>after</p>\n")
  }
}

@Suite struct TerminalTextTests {
  @Test(arguments: [
    ("a\u{1b}[31mb\u{1b}[0mc", "abc"), ("a\r\nb", "a\nb"), ("10%\r20%\r30%\n", "10%\n20%\n30%\n"), ("\u{1b}]0;title\u{7}x", "x"),
    ("\u{1b}]8;;https://x\u{1b}\\link", "link"), ("a\u{8}b\u{0}c\td", "abc\td"), ("\u{1b}", ""), ("\u{1b}[", ""), ("é🙂", "é🙂"),
  ])
  func controlsAreTakenOut(input: String, output: String) {
    #expect(TerminalText.plain(input) == output)
    var terminal = TerminalText()
    #expect(input.unicodeScalars.map { terminal.feed(String($0)) }.joined() == output)
  }
}

@Suite struct DiffTests {
  static let sample = """
    diff --git a/a.txt b/a.txt
    index 1..2 100644
    --- a/a.txt
    +++ b/a.txt
    @@ -1,3 +1,3 @@
     one
    --- two
    +++ TWO
     three
    \\ No newline at end of file
    diff --git a/new file b/new file
    new file mode 100644
    --- /dev/null
    +++ b/new file
    @@ -0,0 +1 @@
    +x
    diff --git a/gone b/gone
    deleted file mode 100644
    --- a/gone
    +++ /dev/null
    @@ -1 +0,0 @@
    -y
    diff --git a/p.png b/p.png
    Binary files a/p.png and b/p.png differ
    diff --git a/old b/moved
    rename from old
    rename to moved

    """

  @Test func filesAndLinesAreToldApart() {
    let diff = UnifiedDiff(Self.sample)
    #expect(diff.files.map(\.path) == ["a.txt", "new file", "gone", "p.png", "moved"])
    #expect(diff.files.map(\.change) == ["", "new", "deleted", "binary", "renamed"])
    #expect(diff.files[0].lines.map(\.kind) == [.hunk, .context, .removed, .added, .context, .note])
    #expect(diff.files[0].lines[2].text == "-- two")
    #expect(diff.files.map(\.additions) == [1, 1, 0, 0, 0])
    #expect(diff.files.map(\.deletions) == [1, 0, 1, 0, 0])
  }

  @Test(arguments: ["", "nonsense\nlines", "@@ -1 +1 @@\n+x", "diff --git ", "diff --git a/x b/x\n@@ -99999999999999999999 +1 @@\n+a"])
  func whatIsNoDiffDoesNoHarm(text: String) { _ = UnifiedDiff(text) }

  @Test func versionsAreComparedByLines() {
    let old = (1...20).map { "line \($0)\n" }.joined()
    let new = old.replacingOccurrences(of: "line 10\n", with: "line ten\nand more\n")
    let file = LineComparison.file(path: "x", old: old, new: new)
    #expect(file.additions == 2 && file.deletions == 1)
    #expect(file.lines.count { $0.kind == .context } == 6)
    #expect(LineComparison.file(path: "x", old: nil, new: "a\nb\n").additions == 2)
    let long = String(repeating: "a\n", count: 5000)
    #expect(LineComparison.file(path: "x", old: long, new: long + "b").lines.first?.kind == .note)
  }
}

@Suite struct OutputBlockTests {
  @Test func aFloodKeepsItsEnd() {
    var output = OutputBlock(stream: .stdout)
    for number in 0..<100_000 { output.append("line \(number)\n") }
    #expect(output.pieces.count <= OutputBlock.pieces)
    #expect(output.pieces.last?.text.hasSuffix("line 99999\n") == true)
    #expect(output.dropped > 500_000)
    #expect(output.pieces.map(\.number) == Array((output.pieces.first?.number ?? 0)...(output.pieces.last?.number ?? 0)))
  }
}
