import ArgumentParser
import Foundation
import RookeryModel

/// `rookery token`
struct TokenCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "token", abstract: "Tokens for the API and for commands on other machines.", subcommands: [Create.self])

  struct Create: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Make a token of yours; it is printed once.")

    @Option(help: "What it is for.")
    var purpose = "command line"

    @Option(help: ArgumentHelp("Days until it expires. (default: never)", valueName: "days"))
    var expires: Int?

    @OptionGroup var server: ServerOptions
    @OptionGroup var output: JSONOption

    func validate() throws {
      if let expires, !(1...3650).contains(expires) { throw ValidationError("--expires must be from 1 to 3650 days.") }
    }

    func run() async throws {
      let terminal = Terminal()
      let expiry = expires.map { Date(timeIntervalSinceNow: Double($0) * 86400) }
      let token = try await server.client {
        try await $0.post("/v1/tokens", API.CreateToken(purpose: purpose, expires: expiry), as: API.NewToken.self)
      }
      if output.json { return try terminal.json(token) }
      terminal.line(token.secret.reveal())
    }
  }
}

/// `rookery login-link`
struct LoginLinkCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "login-link", abstract: "Print a link that signs one browser in, once, within ten minutes.")

  @Option(help: ArgumentHelp("Whose sign-in it is; naming somebody else takes an admin.", valueName: "mail"))
  var email: String?

  @OptionGroup var server: ServerOptions

  func run() async throws {
    let link = try await server.client {
      try await $0.post("/v1/login-links", API.CreateLoginLink(email: email), as: API.LoginLink.self)
    }
    Terminal().line(link.url.reveal())
  }
}
