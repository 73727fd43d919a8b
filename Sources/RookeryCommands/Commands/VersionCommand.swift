import ArgumentParser
import RookeryModel

/// `rookery version`
struct VersionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "version", abstract: "Print the program's version.")
  @OptionGroup var output: JSONOption

  func run() throws {
    let terminal = Terminal()
    if output.json { return try terminal.json(API.Version(version: Program.version, api: "v1")) }
    terminal.line("rookery \(Program.version)")
  }
}
