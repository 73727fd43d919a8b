import ArgumentParser
import Foundation
import Glibc
import Logging
import RookeryModel
import RookeryRehearsal

/// `rookery model`
struct ModelCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "model", abstract: "A stand-in for a model, for demos and tests.", subcommands: [Rehearse.self])

  struct Rehearse: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Serve a small OpenAI-compatible endpoint that plays written steps.",
      discussion: """
        It adapts to the tools that the agent offers; each later step demands a value that only the previous tool's result held. \
        It listens on loopback and prints its address as the first line.
        """)

    @Option(help: "The steps, as JSON. (default: the demo's)")
    var script: String?

    @Option(help: "Port; 0 takes a free one.")
    var port = 0

    func validate() throws {
      guard (0...65535).contains(port) else { throw ValidationError("--port must be from 0 to 65535.") }
    }

    func run() async throws {
      let terminal = Terminal()
      let model = try RehearsalModel(script: script.map(RehearsalScript.load) ?? .demo, logger: LogSetup.logger("rookery.rehearsal"))
      try await untilSignal {
        try await model.run(port: port) { port in terminal.line("http://127.0.0.1:\(port)") }
      }
    }
  }
}
