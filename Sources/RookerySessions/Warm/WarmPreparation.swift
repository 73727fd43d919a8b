import Crypto
import Foundation
import RookeryAgents
import RookeryConfiguration
import RookeryModel
import RookerySandbox
import RookeryStore

/// Prepares warm sandboxes: what a session would do first, done before there is one. Nothing in it is anybody's yet: the gateway
/// lets it read its repository and no more, until a session claims it.
package struct WarmPreparation: WarmPreparing {
  private let services: SessionServices

  /// Seconds for fetching and checking out the newest commit, and for opening the agent's conversation.
  private static let syncSeconds = 60
  private static let agentSeconds = 120
  /// Seconds that a sandbox lives at most, whatever its limits and its time in the pool add up to.
  private static let longestLife = 14_400

  package init(services: SessionServices) { self.services = services }

  package func repositories() async throws -> [RepositoryName: PoolState.Repository] {
    let bundles = try await services.provider.bundles()
    var result: [RepositoryName: PoolState.Repository] = [:]
    for repository in try await services.repositories.list() {
      let kept = services.configuration.pool(of: repository.name)
      let settings = PoolSettings(size: kept.size, maximumAge: Double(kept.maximumAgeMinutes) * 60)
      guard kept.size > 0, let image = try await services.registry.currentImage(of: repository.name) else {
        result[repository.name] = .init(settings: settings, validity: nil)
        continue
      }
      let environment = try Self.environment(image)
      result[repository.name] = .init(
        settings: settings,
        validity: PoolValidity(
          image: image.summary.id, environmentDigest: image.summary.environmentDigest,
          agentDigest: digest(agent(of: repository, environment, bundles), environment, repository.name, bundles)))
    }
    return result
  }

  package func prepare(_ order: WarmOrder) async throws -> (WarmContent, any Sandbox) {
    let repository = try await services.repositories.get(order.repository)
    guard let image = try await services.registry.currentImage(of: order.repository), image.summary.id == order.validity.image else {
      throw RookeryError(.conflict, "The image was replaced.", mend: "The pool prepares another sandbox from the new one.")
    }
    let environment = try Self.environment(image)
    let bundles = try await services.provider.bundles()
    var (grant, _) = try await services.repositories.grant(
      of: order.id, for: repository.name, environment: environment, pushRef: nil,
      expires: Date(timeIntervalSinceNow: order.maximumAge + 600))
    // It works for nobody yet.
    grant.model = nil
    try await services.gateway.grant(grant)
    var limits = services.limits(of: repository.name, asked: environment.limits)
    // Its time in the pool is not its session's.
    limits.runtimeSeconds = min(Self.longestLife, limits.runtimeSeconds + Int(order.maximumAge))
    let mounted = Array(bundles.map(\.agent).sorted().prefix(32))
    let sandbox = try await services.provider.create(
      .init(
        id: order.id, source: .image(order.validity.image), limits: limits, bundles: mounted,
        blockedCommands: services.configuration.blockedCommands(for: repository.name)))
    let commit = try await sync(repository, in: sandbox)
    let supervisor = ServiceSupervisor(
      environment.start, in: sandbox, directory: "/workspace/\(repository.name)", environment: environment.env)
    async let results = Self.settled(supervisor)
    let definition = agent(of: repository, environment, bundles)
    let conversation = try await definition.asyncMap { try await open($0, environment, repository.name, in: sandbox) }
    let content = WarmContent(
      commit: commit, environment: environment, bundles: Set(mounted), agent: conversation == nil ? nil : definition?.name,
      conversation: try conversation.map { try JSON.encode($0) }, services: try await results,
      runtimeSeconds: limits.runtimeSeconds)
    try await services.provider.pause(order.id)
    return (content, sandbox)
  }

  /// The newest commit of the default branch, checked out.
  private func sync(_ repository: Repository, in sandbox: any Sandbox) async throws -> String {
    let late = RookeryError(
      .repositoryUnreachable, "The newest commit could not be fetched within \(Self.syncSeconds) s.",
      mend: "Check that the git server answers.")
    let git = GitScripts(repository: repository.name, session: .random(prefix: "w"))
    let result = try await withDeadline(.seconds(Self.syncSeconds), failure: late) {
      try await sandbox.run(
        git.sync(id: try ProcessID("warm-sync"), branch: repository.defaultBranch, local: repository.defaultBranch))
    }
    guard result.exit.succeeded else {
      throw RookeryError(
        .repositoryUnreachable, "The newest commit could not be fetched: \(GitScripts.lastLine(of: result.errorOutput))",
        mend: "Check the repository's URL and credential.", context: result.errorOutput)
    }
    return result.output.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// Services that fail are known as such; they don't keep the sandbox out of the pool. They live on when nobody watches.
  private static func settled(_ supervisor: ServiceSupervisor) async throws -> [ServiceChanged] {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await supervisor.run() }
      defer { group.cancelAll() }
      try await supervisor.settled()
      return await supervisor.results
    }
  }

  private func open(
    _ definition: AgentDefinition, _ environment: EnvironmentFile, _ repository: RepositoryName, in sandbox: any Sandbox
  ) async throws -> WarmConversation {
    let specification = try AgentStart(definition: definition, repository: repository, environment: environment.env)
      .process(try ProcessID(WarmConversation.process), model: services.configuration.model)
    let late = RookeryError(
      .agentFailed, "\(definition.title) did not open a conversation within \(Self.agentSeconds) s.", mend: "Try it in a session.")
    return try await withDeadline(.seconds(Self.agentSeconds), failure: late) {
      try await WarmConversation.open(
        definition, specification, policy: services.configuration.permissions(of: repository).policy,
        tools: services.agentTools, in: sandbox)
    }
  }

  /// The agent that most sessions of the repository use, where it can wait: one that speaks ACP, is installed, and has its model.
  private func agent(of repository: Repository, _ environment: EnvironmentFile, _ bundles: [BundleManifest]) -> AgentDefinition? {
    let installed = Set(bundles.map(\.agent))
    let named =
      services.configuration.repositories[repository.name]?.agent ?? repository.agent ?? services.configuration.agents.defaultAgent
      ?? services.agents.all.first { installed.contains($0.name) }?.name
    guard let named, let definition = services.agents[named], definition.wire == .acp,
      definition.python.isEmpty || installed.contains(named), definition.model == .none || services.configuration.model != nil
    else { return nil }
    return definition
  }

  /// Covers the agent's process and every bundle that is mounted.
  private func digest(
    _ definition: AgentDefinition?, _ environment: EnvironmentFile, _ repository: RepositoryName, _ bundles: [BundleManifest]
  ) -> String {
    var hash = SHA256()
    if let definition, let id = try? ProcessID(WarmConversation.process),
      let process = try? AgentStart(definition: definition, repository: repository, environment: environment.env)
        .process(id, model: services.configuration.model)
    {
      hash.update(data: Data(AgentStart.digest(process).utf8))
    }
    for bundle in bundles.sorted(by: { $0.agent < $1.agent }) { hash.update(data: Data("\n\(bundle.agent) \(bundle.digest)".utf8)) }
    return hash.finalize().map { String(format: "%02x", $0) }.joined()
  }

  private static func environment(_ image: Registry.BuiltImage) throws -> EnvironmentFile {
    try JSONDecoder().decode(EnvironmentFile.self, from: Data(image.environment.utf8))
  }
}

extension Optional {
  fileprivate func asyncMap<Result>(_ transform: (Wrapped) async throws -> Result) async throws -> Result? {
    guard let self else { return nil }
    return try await transform(self)
  }
}
