import Foundation
import RookeryModel
import RookeryTestSupport
import Testing

@testable import RookerySlack

@Suite struct MrkdwnTests {
  @Test(arguments: [
    ("**bold** and *soft* and ~~gone~~ and `code`", "*bold* and _soft_ and ~gone~ and `code`"),
    ("# Title\n\ntext", "*Title*\n\ntext"), ("## A **b** c", "*A b c*"),
    ("[site](https://example.org/a?b=1&c=2)", "<https://example.org/a?b=1&amp;c=2|site>"),
    ("[bad](javascript:alert)", "bad"), ("![shot](https://example.org/i.png)", "<https://example.org/i.png|shot>"),
    ("https://example.org", "<https://example.org>"), ("a < b & c > d", "a &lt; b &amp; c &gt; d"),
    ("<!channel> <!here> <@U1>", "&lt;!channel&gt; &lt;!here&gt; &lt;@U1&gt;"),
    ("- one\n- two\n  - three\n", "• one\n• two\n    ◦ three"), ("3. x\n4. y", "3. x\n4. y"),
    ("- [x] done\n- [ ] open", "☑ done\n☐ open"), ("> quote\n> more", "> quote\n> more"),
    ("```swift\nlet a = 1 < 2\n```", "```\nlet a = 1 &lt; 2\n```"), ("a  \nb", "a\nb"), ("---", "———"),
    ("| a | bb |\n|---|---|\n| ccc | d |", "```\na    bb\nccc  d\n```"), ("", ""), ("**a**b", "*a*b"),
    ("`` a`b ``", "`aˋb`"), ("[a|b](https://e.org)", "<https://e.org|a¦b>"), ("~~~\n```\n~~~", "```\n``\u{200b}`\n```"),
  ])
  func markdownBecomesMrkdwn(markdown: String, expected: String) {
    #expect(Mrkdwn.text(markdown) == expected)
  }

  @Test func hostileTextsAreBoundedAndMentionNobody() {
    let texts = [
      String(repeating: "> ", count: 5000) + "x", String(repeating: "- ", count: 3000) + "y", String(repeating: "*", count: 20_000),
      String(repeating: "[", count: 5000), "<!channel>\u{0}<!here|x>", String(repeating: "| a ", count: 3000) + "\n" + "|-|\n",
    ]
    for text in texts {
      let result = Mrkdwn.text(text)
      #expect(!result.contains("<!"))
      #expect(result.utf8.count < 1 << 20)
    }
  }
}

@Suite struct SlackTextTests {
  @Test(arguments: [
    ("<@U0ROOKERY> fix it", "fix it"), ("ask <@U1> and <@U2|bob>", "ask @ada and @bob"), ("in <#C1|general>", "in #general"),
    ("see <https://e.org/a>", "see https://e.org/a"), ("see <https://e.org|the page>", "see the page (https://e.org)"),
    ("<http://e.org|e.org>", "http://e.org"), ("<mailto:a@b.c|a@b.c>", "a@b.c"), ("<!here> a &lt; b &amp;&amp; c", "@here a < b && c"),
    ("<!subteam^S1|@team>", "@team"), ("a < b", "a < b"), ("  x  ", "x"), ("<", "<"),
  ])
  func whatPeopleWroteIsReadAsTheySawIt(text: String, expected: String) {
    #expect(SlackText.plain(text, bot: "U0ROOKERY", names: ["U1": "ada"]) == expected)
  }

  @Test func whoIsAddressedAndMentioned() {
    #expect(SlackText.addressee(" <@U1|x> hello <@U2>") == "U1")
    #expect(SlackText.addressee("hello <@U2>") == nil)
    #expect(SlackText.mentions("<@U1> <@W2|w> <#C1>") == ["U1", "W2"])
  }
}

@Suite struct TextPiecesTests {
  @Test func everyPieceFitsAndNothingIsLost() {
    let long = String(repeating: "word &amp; ", count: 1000)
    let blocks = [
      "short", long, "```\n" + (0..<900).map { "line \($0)" }.joined(separator: "\n") + "\n```", String(repeating: "é", count: 7000),
    ]
    let pieces = TextPieces.split(blocks, limit: 3000)
    #expect(pieces.allSatisfy { SlackText.length($0) <= 3000 && !$0.isEmpty })
    #expect(pieces.joined().count { $0 == "é" } == 7000)
    for number in [0, 450, 899] { #expect(pieces.contains { $0.contains("line \(number)\n") }) }
    for piece in pieces { #expect(piece.components(separatedBy: "```").count % 2 == 1, "fences are closed in each piece") }
    #expect(pieces.allSatisfy { !$0.hasSuffix("&") && !$0.hasSuffix("&am") && !$0.hasPrefix("amp;") })
  }

  @Test func shortBlocksShareAPiece() { #expect(TextPieces.split(["a", "b"], limit: 100) == ["a\n\nb"]) }
}

@Suite struct SignatureTests {
  private static let body = Data(
    ("token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA"
      + "&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554"
      + "%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c").utf8)
  private static let signature = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"

  /// The example of Slack's own documentation.
  @Test func slacksExampleIsAccepted() throws {
    let secret = Secret("8f742231b10e8888abcd99yyyzzz85a5")
    let now = Date(timeIntervalSince1970: 1_531_420_618)
    #expect(SlackSignature.sign(timestamp: "1531420618", body: Self.body, secret: secret) == Self.signature)
    try SlackSignature.check(timestamp: "1531420618", signature: Self.signature, body: Self.body, secret: secret, now: now + 299)
    for (time, signature, body, offset) in [
      ("1531420618", Self.signature, Self.body, 301.0), ("1531420618", Self.signature, Self.body, -301),
      ("1531420619", Self.signature, Self.body, 0), ("1531420618", Self.signature, Self.body + Data("x".utf8), 0),
      ("1531420618", String(Self.signature.dropLast()), Self.body, 0), ("1531420618", "v1=" + Self.signature.dropFirst(3), Self.body, 0),
      ("nan", Self.signature, Self.body, 0), ("", Self.signature, Self.body, 0),
    ] {
      #expect(throws: RookeryError.self) {
        try SlackSignature.check(timestamp: time, signature: signature, body: body, secret: secret, now: now + offset)
      }
    }
    #expect(throws: RookeryError.self) {
      try SlackSignature.check(timestamp: nil, signature: nil, body: Self.body, secret: secret, now: now)
    }
  }
}
