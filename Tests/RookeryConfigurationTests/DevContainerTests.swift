import RookeryModel
import Testing

@testable import RookeryConfiguration

@Suite struct DevContainerTests {
  @Test func honoursWhatHasAMeaningHere() throws {
    let read = try DevContainer.parse(
      json: """
        {
          // A comment, with "quotes" and a comma,
          "name": "app", /* another
             one */
          "image": "mcr.microsoft.com/devcontainers/base",
          "features": {"ghcr.io/x/y:1": {}},
          "postCreateCommand": "make deps // not a comment",
          "containerEnv": {"MODE": "test", "HOME_OF": "${localEnv:HOME}", "BAD NAME": "x",},
          "forwardPorts": [3000, "localhost:5432", "db:6379", 3000, 70000],
        }
        """)
    #expect(read.environment.setup == ["make deps // not a comment"])
    #expect(read.environment.env == ["MODE": "test"])
    #expect(read.environment.ports == [3000, 5432])
    #expect(
      read.ignored == [
        "containerEnv.BAD NAME", "containerEnv.HOME_OF", "features", "forwardPorts “db:6379”", "forwardPorts “?”", "image",
      ])
  }

  @Test(arguments: [
    (#"{"postCreateCommand": ["sh", "-c", "it's"]}"#, [#"'sh' '-c' 'it'\''s'"#]),
    (#"{"postCreateCommand": {"b": "two", "a": ["one"]}}"#, ["'one'", "two"]), (#"{"postCreateCommand": null}"#, []), ("{}", []),
  ])
  func takesEveryFormOfACommand(json: String, setup: [String]) throws {
    #expect(try DevContainer.parse(json: json).environment.setup == setup)
  }

  @Test(arguments: [
    "", "[]", "{", "{\"postCreateCommand\": 7}", "{\"postCreateCommand\": [1]}", "{\"postCreateCommand\": \" \"}", "{\"containerEnv\": []}",
    "{\"forwardPorts\": 1}", "/* never closed", String(repeating: "[", count: 100_000),
    "{\"a\": \"" + String(repeating: "x", count: 300_000) + "\"}",
  ])
  func refuses(json: String) throws {
    let error = #expect(throws: RookeryError.self) { try DevContainer.parse(json: json) }
    #expect(error?.code == .environmentInvalid)
  }
}
