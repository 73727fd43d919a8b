import ArgumentParser
import Foundation
import RookeryModel
import Testing

@testable import RookeryCommands

@Suite struct CommandLineTests {
  @Test func readsARun() throws {
    let command = try #require(
      try RookeryCommand.parseAsRoot([
        "run", "--repo", "web", "--agent", "agentao", "--author", "Ada Lovelace <ada@example.com>", "--detach", "--json", "Do it",
      ]) as? RunCommand)
    #expect(command.repo.rawValue == "web")
    #expect(command.agent?.rawValue == "agentao")
    #expect(command.prompt.author?.author == .init(name: "Ada Lovelace", email: "ada@example.com"))
    #expect(try command.prompt.text() == "Do it")
    #expect(command.detach && command.output.json)
  }

  @Test func readsAPromptFromAFile() throws {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("prompt-\(UUID().uuidString)")
    try Data("From a file\n".utf8).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    let command = try #require(try RookeryCommand.parseAsRoot(["prompt", "s1", "--file", file.path]) as? PromptCommand)
    #expect(try command.prompt.text() == "From a file\n")
    try Data(repeating: 0x78, count: (1 << 20) + 1).write(to: file)
    #expect(throws: RookeryError.self) { try command.prompt.text() }
    try Data(" \n".utf8).write(to: file)
    #expect(throws: RookeryError.self) { try command.prompt.text() }
  }

  @Test(arguments: [
    ["nonsense"], ["run", "Do it"], ["run", "--repo", "No Name", "x"], ["run", "--repo", "web", "--author", "nobody", "x"],
    ["run", "--repo", "web", "x", "--file", "y"], ["watch"], ["watch", "s1", "--after", "-1"], ["sessions", "--limit", "0"],
    ["up", "--port", "99999"], ["token", "create", "--expires", "0"], ["model", "rehearse", "--port", "-1"],
    ["base", "make", "--suite", "../x"], ["repo", "add", "web"], ["stop", "a/b"],
  ])
  func refusesAWrongCommandLine(arguments: [String]) async {
    #expect(await CommandLineTool.run(arguments, terminal: Terminal(environment: ["NO_COLOR": "1"])) == .usage)
  }

  @Test(arguments: [
    "up", "down", "serve", "host", "gateway", "doctor", "base", "repo", "agent", "run", "sessions", "watch", "prompt", "stop", "diff",
    "model", "token", "login-link", "demo", "version",
  ])
  func everyCommandHasHelp(name: String) throws {
    var help = try RookeryCommand.parseAsRoot([name, "--help"])
    let answer = try #require(throws: (any Error).self) { try help.run() }
    #expect(RookeryCommand.exitCode(for: answer) == .success)
    #expect(RookeryCommand.fullMessage(for: answer).contains("OVERVIEW"))
  }

  /// Errors, help and documents tell people to run commands: those must be there.
  @Test func everyCommandThatIsMentionedExists() throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    var known: [String: Set<String>] = [:]
    for command in RookeryCommand.configuration.subcommands + RookeryCommand.configuration.groupedSubcommands.flatMap(\.subcommands) {
      guard let name = command.configuration.commandName else { continue }
      known[name] = Set(command.configuration.subcommands.map { $0._commandName })
    }
    var mentions = 0
    for directory in ["Sources", "docs", "scripts", "README.md", "Makefile"] {
      let place = root.appendingPathComponent(directory)
      let inside = FileManager.default.enumerator(at: place, includingPropertiesForKeys: nil)?.compactMap { $0 as? URL } ?? []
      for file in inside + [place] where ["swift", "md", "sh", "yaml", "js", ""].contains(file.pathExtension) {
        guard let text = try? String(contentsOf: file, encoding: .utf8) else { continue }
        for match in text.matches(of: #/[“`]rookery ([a-z][a-z-]*)(?: ([a-z]+))?/#) {
          let (name, next) = (String(match.output.1), match.output.2.map(String.init))
          mentions += 1
          guard let subcommands = known[name] else {
            Issue.record("\(file.lastPathComponent) mentions \(match.output.0)")
            continue
          }
          if !subcommands.isEmpty, let next, !subcommands.contains(next) {
            Issue.record("\(file.lastPathComponent) mentions \(match.output.0)")
          }
        }
      }
    }
    #expect(mentions > 50, "the search finds nothing any more")
  }

  @Test(arguments: [
    ("Ada Lovelace <ada@example.com>", true), ("Ada <ada@example.com>", true), ("<ada@example.com>", false), ("Ada", false),
    ("Ada <ada>", false), ("Ada <a@b@c>", false), ("Ada <a b@c>", false), ("Ada <@c>", false),
  ])
  func authors(text: String, valid: Bool) { #expect((NamedPerson(argument: text) != nil) == valid) }

  @Test func exitCodesFollowTheCause() {
    #expect(ExitStatus(RookeryError(.configurationInvalid, "")) == .usage)
    #expect(ExitStatus(RookeryError(.unavailable, "")) == .unavailable)
    #expect(ExitStatus(RookeryError(.unauthenticated, "")) == .refused)
    #expect(ExitStatus(RookeryError(.setupFailed, "")) == .failed)
  }

  @Test func everyExitCodeIsDocumented() throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let document = try String(contentsOf: root.appendingPathComponent("docs/operating.md"), encoding: .utf8)
    for status in ExitStatus.allCases {
      #expect(document.contains("| \(status.rawValue) | \(status.meaning) |"))
      #expect(ExitStatus.help.contains("\(status.rawValue)\t\(status.meaning)"))
    }
  }
}

@Suite struct ServerAddressTests {
  @Test func theSocketOfADataDirectory() throws {
    let address = try ServerAddress(server: nil, data: "/var/lib/rook ery", token: "ignored")
    #expect(address.place == .socket("/var/lib/rook ery/run/api.sock"))
    #expect(address.url("/v1/health") == "http+unix://%2Fvar%2Flib%2Frook%20ery%2Frun%2Fapi%2Esock/v1/health")
    #expect(address.token == nil)
  }

  @Test func aServerElsewhere() throws {
    let address = try ServerAddress(server: "https://rookery.example.org/", data: "/d", token: "t")
    #expect(address.url("/v1/health") == "https://rookery.example.org/v1/health")
    #expect(address.token == Secret("t"))
    _ = try ServerAddress(server: "http://127.0.0.1:8080", data: "/d", token: "t")
  }

  @Test(arguments: [
    ("https://rookery.example.org", nil, ErrorCode.unauthenticated), ("https://rookery.example.org", "", .unauthenticated),
    ("http://rookery.example.org", "t", .badRequest), ("ftp://x", "t", .badRequest), ("rookery.example.org", "t", .badRequest),
    ("https://user:pass@x", "t", .badRequest), ("https://x?token=1", "t", .badRequest),
  ])
  func refuses(server: String, token: String?, code: ErrorCode) throws {
    let error = try #require(throws: RookeryError.self) { try ServerAddress(server: server, data: "/d", token: token) }
    #expect(error.code == code)
    #expect(!error.mend.isEmpty)
  }

  @Test func reconnectsMoreAndMoreSlowly() {
    var delay = ReconnectDelay()
    let waits = (0..<8).map { _ in delay.next() }
    #expect(waits.prefix(3) == [.milliseconds(200), .milliseconds(400), .milliseconds(800)])
    #expect(waits.last == .seconds(5))
  }
}
