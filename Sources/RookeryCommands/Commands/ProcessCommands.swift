import ArgumentParser
import RookeryGateway
import RookeryHost
import RookeryModel

/// `rookery host`
struct HostCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "host", abstract: "Start, limit and end sandboxes on behalf of “serve”. Runs as root.")

  @OptionGroup var data: DataOptions

  func run() async throws {
    let settings = try HostSettings(layout: data.layout(), users: .find(), runner: Program.runner())
    let service = HostService(settings: settings, log: LogSetup.logger("rookery.host"))
    try await untilSignal { try await service.run() }
  }
}

extension HostSettings {
  init(layout: DataLayout, users: SystemUsers, runner: String) {
    self.init(
      dataDirectory: layout.host, runDirectory: layout.run, cacheDirectory: layout.cache, serveUser: users.serve.uid,
      gatewayUser: users.gateway.uid, gatewaySocket: layout.gatewaySocket, runnerBinary: runner)
  }
}

/// `rookery gateway`
struct GatewayCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gateway", abstract: "Answer what sandboxes send to the network. Runs as \(SystemUsers.gatewayName).")

  @OptionGroup var data: DataOptions

  func run() async throws {
    let layout = try data.layout()
    let users = try SystemUsers.find()
    let settings = GatewaySettings(
      controlSocket: layout.gatewaySocket, serveUser: users.serve.uid, gatewayUser: users.gateway.uid)
    let service = GatewayService(settings: settings, logger: LogSetup.logger("rookery.gateway"))
    try await untilSignal { try await service.run() }
  }
}
