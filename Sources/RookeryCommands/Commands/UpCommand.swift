import ArgumentParser
import Foundation
import Glibc
import RookeryModel

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
    let terminal = Terminal(outlivesReader: true)
    let standard = FileManager.default.fileExists(atPath: Self.defaultConfiguration) ? Self.defaultConfiguration : nil
    let settings = try UpSettings(
      layout: data.layout(), configurationFile: config ?? standard, port: port, admin: admin?.author,
      environment: ProcessInfo.processInfo.environment)
    let isFirstStart = !FileManager.default.fileExists(atPath: settings.layout.registry)
    if detach {
      try await DetachedStart(settings: settings, terminal: terminal).run()
      try await Self.announce(settings, isFirstStart: isFirstStart, terminal)
      return
    }
    let status = try await ForegroundRun(settings: settings, terminal: terminal).run {
      guard !isDetached else { return }
      do { try await Self.announce(settings, isFirstStart: isFirstStart, terminal) } catch { terminal.note("\(error)") }
    }
    if status != .success { throw status }
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
