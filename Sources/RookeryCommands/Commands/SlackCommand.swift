import ArgumentParser
import Foundation
import RookeryConfiguration
import RookeryModel
import RookeryServer
import RookerySlack

/// `rookery slack`
struct SlackCommands: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "slack", abstract: "Work from Slack: the app's manifest, and a look at its tokens.",
    subcommands: [ManifestCommand.self, CheckCommand.self])

  /// The configuration that the server has, or will have.
  struct ConfigurationOptions: ParsableArguments {
    @Option(help: "Configuration file. (default: \(UpCommand.defaultConfiguration) where it exists)")
    var config: String?

    func load() throws -> Configuration {
      let standard = FileManager.default.fileExists(atPath: UpCommand.defaultConfiguration) ? UpCommand.defaultConfiguration : nil
      return try Configuration.load(file: config ?? standard, environment: ProcessInfo.processInfo.environment)
    }
  }

  struct ManifestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "manifest", abstract: "Print the manifest from which Slack makes the app.",
      discussion: "Paste it at https://api.slack.com/apps under “Create New App”, “From a manifest”, JSON.")

    @Option(help: "The app's name in Slack.") var name = "Rookery"

    @Flag(help: "For requests over HTTP instead of Socket Mode; the server's external address must be reachable from Slack.")
    var http = false

    @Option(help: ArgumentHelp("Where people reach the server. (default: the configuration's server.external_url)", valueName: "url"))
    var url: String?

    @Option(help: "Configuration file, for the server's address. (default: none)") var config: String?

    func run() async throws {
      var origin = url
      if origin == nil, let config {
        origin = try Configuration.load(file: config, environment: ProcessInfo.processInfo.environment).server.origin
      }
      if http, origin?.hasPrefix("https://") != true {
        throw RookeryError(
          .badRequest, "Slack sends its requests to https addresses only.", mend: "Give one with --url, or leave out --http.")
      }
      let trimmed = (origin ?? "").hasSuffix("/") ? String((origin ?? "").dropLast()) : origin ?? ""
      let manifest = SlackManifest(transport: http ? .http : .socket, origin: trimmed, name: name)
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      Terminal().line(String(decoding: try encoder.encode(manifest.value), as: UTF8.self))
    }
  }

  struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "check", abstract: "Ask Slack whether the configuration's tokens are good, and which scopes are missing.")

    @OptionGroup var options: ConfigurationOptions

    func run() async throws {
      guard let settings = try options.load().slack else {
        throw RookeryError(
          .configurationInvalid, "The configuration has no slack section.", mend: "docs/slack.md takes you through it.")
      }
      let terminal = Terminal()
      let findings = try await SlackCheck(settings).findings()
      for finding in findings { terminal.line("\(finding.isGood ? "ok  " : "bad ") \(PrintableText.clean(finding.text))") }
      if findings.contains(where: { !$0.isGood }) { throw ExitStatus.failed }
    }
  }
}
