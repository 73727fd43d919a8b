import Foundation
import Logging
import RookeryConfiguration
import RookeryModel
import RookeryStore

/// One build from its turn in the queue to its record in the registry.
extension RepositoryService {
  static let stopped = RookeryError(
    .interrupted, "The build was stopped.", mend: "Build the repository again; an earlier image still serves.")

  func carryOut(_ build: ActiveBuild, _ places: AsyncSemaphore) async {
    let image = build.image
    let log = BuildLog { [registry, feed] lines in
      try await registry.append(lines, to: image)
      feed.changed(image)
    }
    do {
      if await places.isFull { try await log.note("Waiting for other builds to end.", step: "prepare") }
      try await places.enter()
      do {
        try await make(build, log)
        await places.leave()
      } catch {
        await places.leave()
        throw error
      }
      await settle(build)
      // A session may be about to start from the image that served until now.
      let kept = [image, build.repository.image?.id]
      await removeImages { $0.repository == build.repository.name && !kept.contains($0.id) }
    } catch {
      let failure = Task.isCancelled ? Self.stopped : typed(error)
      do {
        try await uncancelled {
          try await log.note(failure.description, step: "failed")
          try await log.close()
        }
      } catch {
        logger.warning("the end of a build's log was not stored", metadata: ["image": "\(image)", "error": "\(error)"])
      }
      await finish(build, with: failure)
    }
  }

  /// Records a failure and lets those who wait know.
  func finish(_ build: ActiveBuild, with failure: RookeryError) async {
    logger.notice(
      "an image build failed",
      metadata: [
        "repository": "\(build.repository.name)", "image": "\(build.image)", "error": "\(failure)", "context": "\(failure.context)",
      ])
    do {
      try await uncancelled { [registry] in try await registry.failBuild(build.image, with: failure, at: Date()) }
    } catch {
      logger.error("a failed build was not recorded", metadata: ["image": "\(build.image)", "error": "\(error)"])
    }
    await settle(build)
  }

  private func settle(_ build: ActiveBuild) async {
    if active[build.repository.name]?.image == build.image { active[build.repository.name] = nil }
    feed.changed(build.image)
  }

  private func make(_ build: ActiveBuild, _ log: BuildLog) async throws {
    let repository = build.repository
    let url = try RepositoryURL(repository.url, for: repository.name)
    try await log.note("Asking \(url.text) for \(repository.defaultBranch).", step: "prepare")
    let head = try await probe.head(
      of: url, branch: repository.defaultBranch, credential: credential(for: repository.name, push: false))
    try await log.note("Building commit \(head.commit).", step: "prepare")
    let base = try await base()
    let previous = try await startingPoint(for: repository.name, base: base)
    let order = ImageBuilder.Order(
      image: build.image, repository: repository.name, url: url.text, branch: head.branch, commit: head.commit, base: base,
      previous: previous, limits: limits(for: repository.name), privateHosts: configuration.network.privateHosts)
    let (manifest, environment) = try await flushing(log) { try await self.builder.build(order, log: log) }
    try await log.close()
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let built = Registry.BuiltImage(
      summary: ImageSummary(
        id: manifest.id, commit: manifest.commit, environmentDigest: manifest.environmentDigest, created: manifest.created),
      environment: String(decoding: try encoder.encode(environment), as: UTF8.self))
    try await uncancelled { [registry] in try await registry.finishBuild(manifest.id, with: built, at: Date()) }
  }

  /// Stores the log a few times a second while `body` runs, so that it can be followed.
  private func flushing<Value: Sendable>(
    _ log: BuildLog, _ body: @escaping @Sendable () async throws -> Value
  ) async throws -> Value {
    try await withThrowingTaskGroup(of: Value?.self) { group in
      group.addTask { try await body() }
      group.addTask {
        while !Task.isCancelled {
          try await log.flush()
          try? await Task.sleep(for: .milliseconds(200))
        }
        return nil
      }
      defer { group.cancelAll() }
      while let value = try await group.next() {
        if let value { return value }
      }
      throw CancellationError()
    }
  }

  private func base() async throws -> BaseRecord {
    let name = configuration.sandbox.base
    guard let base = try await provider.bases().first(where: { $0.name == name }) else {
      throw RookeryError(
        .hostUnsupported, "This machine has no base root filesystem named “\(name)”.", mend: "Make it with “make setup”.")
    }
    return base
  }

  /// The image that a build may start from: the current one, unless it is gone or stands on too many others.
  private func startingPoint(for name: RepositoryName, base: BaseRecord) async throws -> ImageManifest? {
    guard let current = try await registry.currentImage(of: name) else { return nil }
    let images = Dictionary(try await provider.images().map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    guard let manifest = images[current.summary.id] else { return nil }
    var parent = manifest.parent
    for _ in 1..<Self.incrementalDepth {
      switch parent {
      case .base(let origin): return origin == base.name ? manifest : nil
      case .image(let image):
        guard let next = images[image] else { return nil }
        parent = next.parent
      case .snapshot: return nil
      }
    }
    return nil
  }

  private func typed(_ error: any Error) -> RookeryError {
    error as? RookeryError ?? RookeryError(.internal, "The build failed.", mend: "See the server's log.", context: "\(error)")
  }
}
