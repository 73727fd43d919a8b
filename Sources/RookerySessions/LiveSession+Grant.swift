import Foundation
import RookeryConfiguration
import RookeryModel
import RookerySandbox

extension LiveSession {
  /// Tells the gateway what the sandbox may reach, and for how long.
  func grant(_ sandbox: SandboxID, limits: Limits) async throws {
    let repository = try await services.repositories.get(meta.repository)
    let model = services.configuration.model.map { model in
      Grant.Model(
        url: model.url, wire: model.wire == .openai ? .openai : .anthropic, key: model.key, name: model.name,
        tokenAllowance: model.tokensPerSession)
    }
    let grant = Grant(
      sandbox: sandbox, expires: Date(timeIntervalSinceNow: Double(limits.runtimeSeconds) + 3600),
      git: [.init(name: meta.repository, url: repository.url, pushRef: "refs/heads/\(meta.branch)")], model: model,
      privateHosts: services.configuration.network.privateHosts)
    try await services.gateway.grant(grant)
  }

  func limits(asked: EnvironmentFile.RequestedLimits?) -> Limits {
    let allowed = services.configuration.repositories[meta.repository]?.limits ?? services.configuration.sandbox.limits
    guard let asked else { return allowed }
    // A repository may ask for less than the operator allows, never for more.
    return Limits(
      memoryMB: min(asked.memoryMB ?? allowed.memoryMB, allowed.memoryMB), cpus: min(asked.cpus ?? allowed.cpus, allowed.cpus),
      processes: min(asked.processes ?? allowed.processes, allowed.processes),
      diskMB: min(asked.diskMB ?? allowed.diskMB, allowed.diskMB),
      runtimeSeconds: min(asked.runtimeSeconds ?? allowed.runtimeSeconds, allowed.runtimeSeconds))
  }
}
