import RookeryModel
import Testing

@Suite struct HostPatternTests {
  @Test(arguments: [
    ("example.org", "example.org", 443, true), ("example.org", "EXAMPLE.org.", 80, true), ("example.org", "www.example.org", 443, false),
    ("example.org", "badexample.org", 443, false), ("example.org", "example.org.evil.net", 443, false),
    ("example.org", "example.org", 8443, false), ("example.org:8443", "example.org", 8443, true),
    ("example.org:8443", "example.org", 443, false), ("*.example.org", "a.example.org", 443, true),
    ("*.example.org", "a.b.example.org", 443, true), ("*.example.org", "example.org", 443, false),
    ("*.example.org", "xexample.org", 443, false), ("*.example.org:444", "a.example.org", 444, true),
    ("Example.ORG", "example.org", 443, true),
  ])
  func matchesExactlyWhatItSays(pattern: String, name: String, port: Int, isMatch: Bool) throws {
    let (pattern, name) = (try #require(HostPattern(pattern)), try #require(HostName(name)))
    #expect(pattern.matches(name, port: port) == isMatch)
  }

  @Test(arguments: [
    "", "*", "*.", "*.com", "a.*.org", "*a.org", "**.example.org", "example.org:", "example.org:0", "example.org:65536", "example.org:+80",
    "http://example.org", "example.org/x", "user@example.org", "exa mple.org", "-a.org", "a-.org", "a..org", ".org", "[::1]", "::1",
    "127.0.0.1", "127.0.0.1:443", "*.0.0.1", "2130706433", "0x7f000001", "0x7f.1", "1.2.3.0x4", "example.1", "ex\u{e4}mple.org",
    String(repeating: "a", count: 64) + ".org", String(repeating: "a.", count: 127) + "org",
  ])
  func refusesWhatIsNoHost(text: String) { #expect(HostPattern(text) == nil) }

  @Test(arguments: [
    ("*.example.org", "a.example.org", true), ("*.example.org", "*.a.example.org", true), ("*.example.org", "*.example.org", true),
    ("*.example.org", "example.org", false), ("a.example.org", "*.example.org", false), ("*.a.example.org", "*.example.org", false),
    ("example.org", "example.org:443", true), ("example.org", "example.org:8443", false), ("example.org:443", "example.org", false),
  ])
  func coversNoMoreThanItMatches(wide: String, narrow: String, isCovered: Bool) throws {
    let (wide, narrow) = (try #require(HostPattern(wide)), try #require(HostPattern(narrow)))
    #expect(wide.covers(narrow) == isCovered)
  }

  @Test func costsAreRoundedUpAndNeverOverflow() {
    let price = Grant.Model.Price(input: 3_000_000, output: 15_000_000)
    #expect(price.cost(input: 1000, output: 100) == 4500)
    #expect(Grant.Model.Price(input: 1, output: 0).cost(input: 1, output: 0) == 1)
    #expect(price.cost(input: .max, output: .max) > 1 << 60)
  }
}
