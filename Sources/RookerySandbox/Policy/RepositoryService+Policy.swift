import Foundation
import RookeryConfiguration
import RookeryModel
import RookeryStore

extension RepositoryService {
  /// What a sandbox of this repository may reach: for image builds, warm sandboxes and sessions alike.
  ///
  /// - Parameter environment: of the image that it starts from; nil: not known yet, nothing is asked for.
  package func policyOutcome(for name: RepositoryName, environment: EnvironmentFile?) async throws -> SandboxPolicy.Outcome {
    let repository = try await registry.repository(name)
    let base = environment?.base ?? configuration.sandbox.base
    let registries = try await provider.bases().first { $0.name == base }?.registries ?? []
    return try policy.outcome(
      for: name, url: repository.url, requests: environment.map { .init($0) } ?? .init(), registries: registries)
  }

  /// The grant of a session's sandbox, whose branch is `pushRef`.
  ///
  /// - Parameter environment: what its image was made from; nil: that of the repository's current image.
  package func grant(
    of sandbox: SandboxID, for name: RepositoryName, environment: EnvironmentFile?, pushRef: String?, expires: Date
  ) async throws -> (grant: Grant, outcome: SandboxPolicy.Outcome) {
    let repository = try await registry.repository(name)
    var environment = environment
    if environment == nil { environment = try await publishedImage(of: name)?.1 }
    let outcome = try await policyOutcome(for: name, environment: environment)
    let grant = Grant(
      sandbox: sandbox, expires: expires, git: [.init(name: name, url: repository.url, pushRef: pushRef)],
      model: configuration.model.map { Grant.Model($0) }, network: outcome.network, privateHosts: configuration.network.privateHosts)
    return (grant, outcome)
  }

  /// What `host` has to know about the networks of sandboxes.
  package func networkSetup() async throws -> NetworkSetup {
    let registries = try await provider.bases().flatMap { $0.registries ?? [] }
    return NetworkSetup(authority: policy.authority.certificate, ports: policy.ports(registries: registries))
  }
}

extension Grant.Model {
  init(_ model: Configuration.Model) {
    self.init(
      url: model.url, wire: model.wire == .openai ? .openai : .anthropic, key: model.key, name: model.name,
      tokenAllowance: model.tokensPerSession)
    otherNames = model.otherNames
    prices = model.prices
    costAllowance = model.budgetMicroUSD
    reach = model.reach
  }
}
