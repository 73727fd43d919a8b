import ArgumentParser
import Foundation
import Glibc
import RookeryConfiguration
import RookeryModel
import RookeryServer

/// `rookery up`
struct UpCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "up", abstract: "Run Rookery: start its processes and keep them running. Needs root.",
    discussion: """
      Ctrl-C or SIGTERM stops the processes and leaves sandboxes alive, for an upgrade for instance; the next “up” takes them up. \
      “rookery down” ends everything.
      """)

  @OptionGroup var data: DataOptions

  @Option(help: "Configuration file. (default: \(UpCommand.defaultConfiguration) where it exists)")
  var config: String?

  @Option(help: "Port to listen on, instead of the configuration's; 0 takes a free one.")
  var port: Int?

  @Option(help: ArgumentHelp("Who the local admin is, at the first start. (default: who starts it)", valueName: "\"Name <mail>\""))
  var admin: NamedPerson?

  @Flag(help: "Run in the background, with a log in the data directory; returns when everything answers.")
  var detach = false

  @Flag(help: .hidden)
  var isDetached = false

  static let defaultConfiguration = "/etc/rookery/rookery.yaml"

  func validate() throws {
    if let port, !(0...65535).contains(port) { throw ValidationError("--port must be from 0 to 65535.") }
  }

  func run() async throws {
    guard geteuid() == 0 else {
      throw RookeryError(
        .hostUnsupported, "“rookery up” needs root: it starts sandboxes, and its own processes under users of their own.",
        mend: "Run: sudo rookery up")
    }
    let terminal = Terminal()
    let settings = try settings()
    let isFirstStart = !FileManager.default.fileExists(atPath: settings.layout.registry)
    if detach {
      try await DetachedStart(settings: settings, arguments: backgroundArguments(settings), terminal: terminal).run()
      try await Self.announce(settings, isFirstStart: isFirstStart, terminal)
      return
    }
    let status = try await ForegroundRun(settings: settings, terminal: terminal).run {
      guard !isDetached else { return }
      do { try await Self.announce(settings, isFirstStart: isFirstStart, terminal) } catch { terminal.note("\(error)") }
    }
    if status != .success { throw status }
  }

  /// Read and checked before anything is started.
  private func settings() throws -> UpSettings {
    let environment = ProcessInfo.processInfo.environment
    let layout = try data.layout()
    let isDefaultThere = FileManager.default.fileExists(atPath: Self.defaultConfiguration)
    let file = config.map { URL(fileURLWithPath: $0).standardizedFileURL.path } ?? (isDefaultThere ? Self.defaultConfiguration : nil)
    var configuration = try Configuration.load(file: file, environment: environment)
    if let port { configuration.server.port = port }
    if configuration.server.port == 0 { configuration.server.port = try FreePort.find() }
    let invoker = Invoker(environment: environment)
    return UpSettings(
      layout: layout, users: try .find(), program: try Program.path(), configurationFile: file, port: configuration.server.port,
      localUsers: invoker.uid.map { [$0] } ?? [], admin: admin?.author ?? invoker.author, environment: environment,
      tokenVariables: configuration.tokenVariables, address: configuration.server.origin)
  }

  private func backgroundArguments(_ settings: UpSettings) -> [String] {
    var arguments = [settings.program, "up", "--is-detached", "--data", settings.layout.data, "--cache", settings.layout.cache]
    if let file = settings.configurationFile { arguments += ["--config", file] }
    if let port = settings.port { arguments += ["--port", String(port)] }
    arguments += ["--admin", "\(settings.admin.name) <\(settings.admin.email)>"]
    return arguments
  }

  /// Says where people go, and at the first start how they get in.
  private static func announce(_ settings: UpSettings, isFirstStart: Bool, _ terminal: Terminal) async throws {
    terminal.line("Rookery runs at \(settings.address)")
    guard isFirstStart else { return terminal.line("A link to sign in: rookery login-link") }
    let address = try ServerAddress(server: nil, data: settings.layout.data, token: nil)
    let link = try await APIClient.with(address) {
      try await $0.post("/v1/login-links", API.CreateLoginLink(), as: API.LoginLink.self)
    }
    terminal.line("Sign in with this link, once, within ten minutes: \(link.url.reveal())")
  }
}
