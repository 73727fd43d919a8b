import Foundation
import Logging
import RookeryConfiguration
import RookeryGitHub
import RookeryModel
import RookerySandbox
import RookeryStore

/// Carries out what GitHub's webhooks bring, and looks from time to time for what they did not bring.
package actor ForgeEvents {
  let engine: SessionEngine
  let github: GitHubIdentity
  let logger: Logger
  var services: SessionServices { engine.services }
  private nonisolated let arrivals: AsyncStream<Void>
  private nonisolated let arrival: AsyncStream<Void>.Continuation

  /// Seconds between two looks at what is due, without a webhook.
  private static let pause = 10
  /// Seconds between two looks at every repository's pull requests.
  private static let reconcileInterval: TimeInterval = 600
  /// Changes of so many seconds before the last look are looked at again: clocks differ, and lists lag.
  private static let overlap: TimeInterval = 300
  private var nextReconciliation = Date.distantPast

  package init(engine: SessionEngine, github: GitHubIdentity, logger: Logger) {
    self.engine = engine
    self.github = github
    self.logger = logger
    (arrivals, arrival) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  /// A delivery was stored.
  package nonisolated func arrived() { arrival.yield() }

  /// Works until the task is cancelled.
  package func run() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { [arrival] in
        while true {
          try await Task.sleep(for: .seconds(Self.pause))
          arrival.yield()
        }
      }
      group.addTask {
        for await _ in self.arrivals { await self.work() }
        throw CancellationError()
      }
      arrival.yield()
      try await group.next()
      group.cancelAll()
    }
  }

  /// Everything that is due.
  func work() async {
    guard await github.isConnected else { return }
    do {
      while let delivery = try await services.registry.nextDelivery(), !Task.isCancelled {
        var problem: String?
        do { try await carryOut(delivery) } catch {
          problem = "\(error)"
          logger.warning(
            "a webhook could not be carried out",
            metadata: ["event": "\(delivery.event)", "delivery": "\(delivery.id)", "error": "\(error)"])
        }
        try await services.registry.settleDelivery(delivery.id, problem: problem)
      }
      try await tellOutcomes()
    } catch { logger.error("webhooks wait", metadata: ["error": "\(error)"]) }
    guard Date() >= nextReconciliation, !Task.isCancelled else { return }
    nextReconciliation = Date(timeIntervalSinceNow: Self.reconcileInterval)
    await reconcile()
  }

  private func carryOut(_ delivery: Registry.Delivery) async throws {
    guard let event = WebhookEvent(delivery.event, body: delivery.body) else { return }
    switch event {
    case .pullRequest(let name, let pull):
      for repository in try await repositories(named: name) { try await engine.forgeReported(pull, in: repository.name) }
    case .push(let name, let branch):
      for repository in try await repositories(named: name) where repository.defaultBranch == branch {
        _ = try await services.repositories.build(repository.name, reason: .push, force: false)
      }
    case .mention(let mention):
      if github.settings.mentions { try await answer(mention, delivery: delivery.id) }
    case .checksFailed(let name, let branch, let commit, let check, let url):
      for repository in try await repositories(named: name) {
        try await checksFailed(repository.name, branch: branch, commit: commit, check: check, url: url)
      }
    case .installation(let action, let account):
      await github.forgetInstallations()
      try await services.registry.audit(.installationChanged, by: nil, subject: account, origin: "github", detail: ["action": action])
    }
  }

  /// Our repositories that are this one at GitHub.
  func repositories(named name: String) async throws -> [Repository] {
    try await services.repositories.list().filter { github.name(of: $0.name, url: $0.url)?.lowercased() == name.lowercased() }
  }

  // MARK: Reconciliation

  /// Looks at every repository's pull requests that changed since the last look; the first look reads all there are.
  func reconcile() async {
    for repository in (try? await services.repositories.list()) ?? [] {
      guard let name = github.name(of: repository.name, url: repository.url),
        await github.forge(of: repository.name, url: repository.url) != nil
      else { continue }
      do { try await reconcile(repository, name) } catch {
        logger.notice("pull requests could not be read", metadata: ["repository": "\(repository.name)", "error": "\(error)"])
      }
    }
  }

  private func reconcile(_ repository: Repository, _ name: String) async throws {
    let began = Date()
    let seen = try await services.registry.forgeSeen(repository.name)
    let found = try await github.pullRequests(of: name, since: seen?.addingTimeInterval(-Self.overlap))
    for pull in found { try await engine.forgeReported(pull, in: repository.name) }
    try await services.registry.setForgeSeen(repository.name, began)
    if seen == nil {
      try await services.registry.mergesAreKnown(
        of: repository.name, since: found.compactMap(\.created).min() ?? Date(timeIntervalSince1970: 0))
    }
  }
}
