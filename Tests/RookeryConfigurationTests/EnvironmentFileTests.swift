import Foundation
import RookeryModel
import Testing

@testable import RookeryConfiguration

@Suite struct EnvironmentFileTests {
  @Test func readsEverything() throws {
    let file = try EnvironmentFile.parse(
      yaml: """
        setup:
          - make deps
          - |
            cat *.c > all.c
            echo done && true
        env:
          MODE: test
          VERSION: 1.10
          FLAG: yes
        agent: agentao
        limits: {memory_mb: 1024, cpus: 0.5}
        """)
    #expect(file.setup == ["make deps", "cat *.c > all.c\necho done && true"] || file.setup.last == "cat *.c > all.c\necho done && true\n")
    #expect(file.env == ["MODE": "test", "VERSION": "1.10", "FLAG": "yes"])
    #expect(file.agent?.rawValue == "agentao")
    #expect(file.limits?.memoryMB == 1024)
    #expect(file.limits?.cpus == 0.5)
    #expect(file.limits?.diskMB == nil)
  }

  @Test(arguments: ["", "\n", "# comment\n", "{}"])
  func nothingIsTheDefault(yaml: String) throws {
    #expect(try EnvironmentFile.parse(yaml: yaml) == EnvironmentFile())
  }

  @Test(arguments: [
    ("stup: [a]", "“setup”"), ("setup: make", "list"), ("setup: [[a]]", "setup[0]"), ("setup: ['']", "empty"),
    ("setup: [\"a\\0b\"]", "NUL"), ("env: {1A: x}", "environment variable"), ("env: {A: [x]}", "env.A"), ("env: {A: }", "env.A"),
    ("agent: Bad Name", "agent"), ("limits: {memory_mb: -1}", "64 to"), ("limits: {cpus: lots}", "limits.cpus"), ("- a", "mapping"),
    ("just text", "mapping"), ("setup: [a]\nsetup: [b]", "twice"), ("? [a]\n: b", "key"), ("a: &x\nb: *y", "YAML"),
  ])
  func refuses(yaml: String, says: String) throws {
    let error = try #require(throws: RookeryError.self) { try EnvironmentFile.parse(yaml: yaml) }
    #expect(error.code == .environmentInvalid)
    #expect(error.description.contains(says), "\(error)")
    #expect(error.message.hasPrefix(EnvironmentFile.path))
  }

  /// Texts that would cost a careless reader its memory or its stack.
  @Test(arguments: [
    "a: " + String(repeating: "[", count: 60_000), String(repeating: "- ", count: 60_000),
    String(repeating: "{a: ", count: 60_000), "setup: ['" + String(repeating: "x", count: 300_000) + "']",
    "a: &a [x,x,x,x,x,x,x,x,x]\n"
      + zip("abcdefghi", "bcdefghij").map { "\($1): &\($1) [*\($0),*\($0),*\($0),*\($0),*\($0)]" }.joined(separator: "\n"),
    "a: &a [x,x]\n" + zip("abcdefgh", "bcdefghi").map { "\($1): &\($1) {? *\($0) : *\($0)}" }.joined(separator: "\n"),
  ])
  func refusesBombsQuickly(yaml: String) throws {
    let start = ContinuousClock.now
    #expect(throws: RookeryError.self) { try EnvironmentFile.parse(yaml: yaml) }
    #expect(ContinuousClock.now - start < .seconds(20))
  }

  /// Kept beside an image and read back.
  @Test func survivesEncoding() throws {
    let file = try EnvironmentFile.parse(yaml: "setup: [a]\nlimits: {cpus: 2}\n")
    #expect(try JSON.decode(EnvironmentFile.self, from: JSON.encode(file)) == file)
  }
}
