import ArgumentParser
import Foundation
import RookeryConfiguration
import RookeryModel

/// `rookery environment`
struct EnvironmentCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "environment", abstract: "A repository's .rookery/environment.yaml.", subcommands: [Check.self, Schema.self])

  struct Check: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Read a file as the builder does, and say what is wrong with it.")

    @Argument(help: "The file.", completion: .file())
    var file = EnvironmentFile.path

    @OptionGroup var output: JSONOption

    func run() async throws {
      let terminal = Terminal()
      guard let data = FileManager.default.contents(atPath: file) else {
        throw RookeryError(.notFound, "There is no file \(file).", mend: "Run this in the repository, or name the file.")
      }
      guard let text = String(data: data, encoding: .utf8) else {
        throw RookeryError(.environmentInvalid, "\(file) is not UTF-8 text.", mend: "Save it as UTF-8.")
      }
      let environment = try file.hasSuffix(".json") ? DevContainer.parse(json: text).environment : EnvironmentFile.parse(yaml: text)
      if output.json { return try terminal.json(environment) }
      terminal.line("\(file) is well.")
    }
  }

  struct Schema: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Print its JSON schema, for editors.")

    func run() async throws {
      Terminal().line(try EnvironmentSchema.text().trimmingCharacters(in: .newlines))
    }
  }
}
