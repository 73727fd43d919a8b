import ArgumentParser
import Foundation
import RookeryConfiguration
import RookeryModel

/// `rookery serve`
struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve", abstract: "Serve the API and the web page; run sessions. Runs as \(SystemUsers.serveName).")

  @OptionGroup var data: DataOptions

  @Option(help: "Configuration file. (default: none)")
  var config: String?

  @Option(help: "Port to listen on, instead of the configuration's.")
  var port: Int?

  @Option(help: ArgumentHelp("User of this machine who is the local admin on the API's socket; may be repeated.", valueName: "uid"))
  var localUser: [UInt32] = []

  @Option(help: ArgumentHelp("Who the local admin is, at the first start.", valueName: "\"Name <mail>\""))
  var admin: NamedPerson?

  func run() async throws {
    var configuration = try Configuration.load(file: config, environment: ProcessInfo.processInfo.environment)
    if let port { configuration.server.port = port }
    let server = try await ServerProcess(
      layout: data.layout(), users: .find(), configuration: configuration, localUsers: Set(localUser),
      admin: admin?.author ?? API.NamedAuthor(name: "Admin", email: "admin@localhost"), logger: LogSetup.logger("rookery.serve"))
    try await server.run()
  }
}
