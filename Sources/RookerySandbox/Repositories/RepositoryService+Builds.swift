import Foundation
import Logging
import RookeryConfiguration
import RookeryModel
import RookeryStore
import Synchronization

extension RepositoryService {
  static let logPage = 500

  /// Carries out builds until the task is cancelled, which ends those that run, sandboxes included.
  /// First it marks as failed what a crash left running.
  package func run() async throws {
    let (builds, queue) = AsyncStream<ActiveBuild>.makeStream()
    try await failInterrupted()
    // Builds may be asked for from here on; none starts before what is left of earlier ones is cleared away.
    self.queue = queue
    defer { self.queue = nil }
    await clearLeftovers()
    await withDiscardingTaskGroup { group in
      let places = AsyncSemaphore(configuration.images.buildsAtOnce)
      group.addTask { await self.followSchedule() }
      for await build in builds {
        group.addTask {
          await build.cancellation.run { await self.carryOut(build, places) }
        }
      }
    }
    // Whoever asked between the last turn of the loop and its end.
    self.queue = nil
    for build in active.values { await finish(build, with: Self.stopped) }
    try Task.checkCancellation()
  }

  /// Starts a build of the repository's image, or joins the one that runs. Nothing is built while tip and environment are those of the
  /// image that serves, unless `force`. Throws `repositoryUnknown`, `unavailable`.
  package func build(
    _ name: RepositoryName, reason: BuildSummary.Reason = .request, force: Bool = false
  ) async throws -> BuildSummary {
    let repository = try await registry.repository(name)
    if let running = active[name], let summary = try await registry.build(running.image) { return summary }
    guard let queue else {
      throw RookeryError(.unavailable, "The server is starting or stopping and takes no builds.", mend: "Try again in a moment.")
    }
    // No suspension since `active` was read: there is one build at most.
    let build =
      active[name]
      ?? ActiveBuild(
        image: .random(prefix: "i-"), repository: repository, reason: reason, force: force, cancellation: BuildCancellation())
    let started = Date()
    if active[name] == nil {
      active[name] = build
      do {
        try await registry.beginBuild(build.image, of: name, reason: reason, at: started)
      } catch {
        active[name] = nil
        throw error
      }
      if case .terminated = queue.yield(build) { await finish(build, with: Self.stopped) }
    }
    return try await registry.build(build.image) ?? BuildSummary(image: build.image, state: .running, started: started, reason: reason)
  }

  /// The newest build with its log after line `after`, at most `logPage` lines; waits up to `wait` for a new line or the end.
  /// Throws `repositoryUnknown`, `notFound` when nothing was built yet.
  package func buildLog(_ name: RepositoryName, after: Int, wait: Duration) async throws -> API.BuildLog {
    _ = try await registry.repository(name)
    guard let latest = try await registry.latestBuild(of: name) else {
      throw RookeryError(
        .notFound, "The repository “\(name)” has not been built yet.", mend: "Build it with “rookery repo build \(name)”.")
    }
    let hints = feed.hints(of: latest.image)
    let first = try await page(of: latest.image, after: after)
    guard first.lines.isEmpty, first.build.state == .running, wait > .zero else { return first }
    await Self.first(of: hints, within: min(wait, .seconds(60)))
    try Task.checkCancellation()
    return try await page(of: latest.image, after: after)
  }

  /// The image that new sessions start from, with its environment; builds it when there is none, or joins the running build.
  /// Throws the build's error (`setupFailed`, …), or `imageMissing`.
  package func image(for name: RepositoryName) async throws -> (ImageManifest, EnvironmentFile) {
    if let current = try await publishedImage(of: name) { return current }
    let summary = try await build(name, reason: .session)
    let outcome = try await outcome(of: summary.image)
    if let error = outcome.error { throw error }
    guard let built = try await publishedImage(of: name) else {
      throw RookeryError(
        .imageMissing, "The repository “\(name)” has no image.", mend: "Build it with “rookery repo build \(name)”.")
    }
    return built
  }

  /// How a build ended; waits until it has.
  func outcome(of image: ImageID) async throws -> BuildSummary {
    let hints = feed.hints(of: image)
    var iterator = hints.makeAsyncIterator()
    while true {
      guard let summary = try await registry.build(image) else {
        throw RookeryError(.repositoryUnknown, "The repository was removed while its image was built.", mend: "Add it again.")
      }
      if summary.state != .running { return summary }
      _ = await iterator.next()
      try Task.checkCancellation()
    }
  }

  /// The image that serves, with its environment; nil where there is none.
  package func publishedImage(of name: RepositoryName) async throws -> (ImageManifest, EnvironmentFile)? {
    _ = try await registry.repository(name)
    guard let current = try await registry.currentImage(of: name) else { return nil }
    guard let manifest = try await provider.images().first(where: { $0.id == current.summary.id }) else {
      logger.warning("an image is not at the provider any more", metadata: ["image": "\(current.summary.id)", "repository": "\(name)"])
      return nil
    }
    do {
      return (manifest, try JSONDecoder().decode(EnvironmentFile.self, from: Data(current.environment.utf8)))
    } catch {
      // Written by an earlier version: the image is built anew.
      logger.notice("an image's environment can't be read", metadata: ["image": "\(manifest.id)", "error": "\(error)"])
      return nil
    }
  }

  private func page(of image: ImageID, after: Int) async throws -> API.BuildLog {
    // The state first: a build that is over has all its lines.
    guard let summary = try await registry.build(image) else {
      throw RookeryError(.notFound, "The build \(image) is gone.", mend: "Build the repository again.")
    }
    return API.BuildLog(build: summary, lines: try await registry.buildLines(of: image, after: after, limit: Self.logPage))
  }

  private static func first(of hints: AsyncStream<Void>, within wait: Duration) async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        for await _ in hints { return }
      }
      group.addTask { try? await Task.sleep(for: wait) }
      await group.next()
      group.cancelAll()
    }
  }

  private func failInterrupted() async throws {
    let error = RookeryError(
      .interrupted, "The server stopped while this image was built.", mend: "Build the repository again; an earlier image still serves.")
    let images = try await registry.failRunningBuilds(with: error, at: Date())
    for image in images { logger.notice("a build was interrupted", metadata: ["image": "\(image)"]) }
  }

  /// Ends sandboxes of interrupted builds and removes images that are not kept.
  private func clearLeftovers() async {
    do {
      for record in try await provider.list() where record.id.rawValue.hasPrefix(ImageBuilder.sandboxPrefix) {
        try await provider.terminate(record.id, keep: nil)
      }
      await collectImages()
    } catch {
      logger.warning("leftovers of interrupted builds stay until the next start", metadata: ["error": "\(error)"])
    }
  }
}

/// Lets a build be cancelled by whoever removes its repository.
final class BuildCancellation: Sendable {
  private enum State {
    case idle
    case running(Task<Void, Never>)
    case cancelled
  }
  private let state = Mutex(State.idle)

  func cancel() {
    state.withLock { state in
      if case .running(let task) = state { task.cancel() }
      state = .cancelled
    }
  }

  /// Runs `body` in a task that both `cancel` and the caller's own cancellation end.
  func run(_ body: @escaping @Sendable () async -> Void) async {
    let task = Task { await body() }
    let isCancelled = state.withLock { state in
      if case .cancelled = state { return true }
      state = .running(task)
      return false
    }
    if isCancelled { task.cancel() }
    await withTaskCancellationHandler {
      await task.value
    } onCancel: {
      task.cancel()
    }
  }
}
