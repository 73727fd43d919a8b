import RookeryControl
import RookeryModel

/// Asks our processes whether they serve.
package struct ReadinessProbe: Sendable {
  /// The version of the requests to host and gateway.
  static let protocolVersion = 1

  let layout: DataLayout
  let users: SystemUsers

  package init(layout: DataLayout, users: SystemUsers) {
    self.layout = layout
    self.users = users
  }

  /// Whether it answers now, within two seconds.
  package func answers(_ role: ProcessRole) async -> Bool {
    do {
      switch role {
      case .host:
        let answer = try await ControlClient(path: layout.hostSocket, allowedServers: [0]).call(
          HostRequest.hello(version: Self.protocolVersion), as: HostResponse.self, timeout: .seconds(2))
        return answer == .hello(version: Self.protocolVersion)
      case .gateway:
        let answer = try await ControlClient(path: layout.gatewaySocket, allowedServers: [users.gateway.uid]).call(
          GatewayRequest.hello(version: Self.protocolVersion), as: GatewayResponse.self, timeout: .seconds(2))
        return answer == .hello(version: Self.protocolVersion)
      case .serve:
        let address = try ServerAddress(server: nil, data: layout.data, token: nil)
        let health = try await APIClient.with(address) {
          try await $0.get("/v1/health", as: API.Health.self, timeout: .seconds(5))
        }
        return health.host && health.gateway
      }
    } catch {
      return false
    }
  }
}
