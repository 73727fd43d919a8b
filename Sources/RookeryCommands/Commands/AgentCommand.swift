import ArgumentParser
import AsyncHTTPClient
import Foundation
import NIOCore
import RookeryModel

/// `rookery agent`
struct AgentCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "agent", abstract: "Coding agents.", subcommands: [List.self, Install.self])

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List agents.")
    @OptionGroup var server: ServerOptions
    @OptionGroup var output: JSONOption

    func run() async throws {
      let terminal = Terminal()
      let answer = try await server.client { try await $0.get("/v1/agents", as: API.Agents.self) }
      if output.json { return try terminal.json(answer) }
      var table = Table("NAME", "INSTALLED", "TESTED", "TITLE")
      for agent in answer.agents {
        table.add(agent.name.rawValue, agent.installed ? "yes" : "no", agent.tested ? "yes" : "no", agent.title)
      }
      terminal.line(table.text(terminal.output))
    }
  }

  struct Install: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Install an agent for every sandbox of this machine.",
      discussion: "It is downloaded without running its code, then installed offline in a sandbox.")
    @Argument(help: "Its name.") var name: AgentName
    @OptionGroup var server: ServerOptions

    func run() async throws {
      let terminal = Terminal()
      try await server.client { api in
        let progress = ProgressLine(terminal)
        try await progress.step("installing \(name)") { try await api.install(name) { progress.update($0) } }
      }
    }
  }
}

extension APIClient {
  /// Installs an agent; `progress` gets what the installation prints.
  func install(_ agent: AgentName, isolation: isolated (any Actor)? = #isolation, progress: (String) -> Void) async throws {
    let body = try await stream(.POST, "/v1/agents/\(agent)/install", accept: "application/x-ndjson")
    var lines = LineBuffer()
    do {
      for try await part in body {
        for line in try lines.feed(Array(part.readableBytesView)) {
          let update = try JSON.decode(API.InstallProgress.self, from: Data(line))
          if let error = update.error { throw error }
          if update.installed != nil { return }
          if let line = update.line { progress("\(line.step): \(line.text)") }
        }
      }
    } catch let error as DecodingError {
      throw RookeryError(.internal, "The server's answer is not understood.", context: "\(error)")
    } catch { throw failure(error) }
    throw RookeryError(
      .unavailable, "The server went away while it installed \(agent).", mend: "Run the same command again; what is done is kept.")
  }
}

/// Takes a byte stream apart at its line breaks.
struct LineBuffer: Sendable {
  private static let limit = 1 << 20
  private var rest: [UInt8] = []

  /// The lines that `bytes` complete, without their line breaks; empty ones are left out. Throws `tooLarge` for an endless line.
  mutating func feed(_ bytes: [UInt8]) throws -> [[UInt8]] {
    rest += bytes
    var lines = rest.split(separator: 0x0a, omittingEmptySubsequences: false).map(Array.init)
    rest = lines.removeLast()
    guard rest.count <= Self.limit else { throw RookeryError(.tooLarge, "The server sent a line of more than 1 MiB.") }
    return lines.filter { !$0.isEmpty }
  }
}
