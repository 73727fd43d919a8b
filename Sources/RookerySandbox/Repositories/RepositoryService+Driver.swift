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
      await collectImages()
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
    let name = build.repository.name
    if active[name]?.image == build.image { active[name] = nil }
    noteLook(at: name, failures: (try? await registry.repository(name).failures ?? 0) ?? 0)
    feed.changed(build.image)
  }

  private func make(_ build: ActiveBuild, _ log: BuildLog) async throws {
    let repository = build.repository
    let url = try RepositoryURL(repository.url, for: repository.name)
    // Stored with what follows: each batch is a synchronous write, and an unchanged tip is to cost little more than the look at it.
    try await log.add(["Asking \(url.text) for \(repository.defaultBranch)."], step: "prepare")
    let tip = try await tip(of: repository)
    if !build.force, let current = try await standing(at: tip, of: repository) {
      try await log.note("Nothing changed: the image \(current.summary.id) of commit \(tip.head.commit) serves.", step: "prepare")
      try await log.close()
      return try await registry.endUnchanged(build.image, at: Date())
    }
    try await checkDisk()
    try await log.note("Building commit \(tip.head.commit).", step: "prepare")
    let images = configuration.images
    let scan = try await credentialScan()
    let previous = build.force ? nil : try await startingPoint(for: repository.name, scan: scan, log)
    let order = ImageBuilder.Order(
      image: build.image, repository: repository.name, url: url.text, branch: tip.head.branch, commit: tip.head.commit,
      base: configuration.sandbox.base, bases: tip.bases, previous: previous?.manifest, previousInputs: previous?.basis.inputs,
      limits: limits(for: repository.name), privateHosts: configuration.network.privateHosts,
      network: { [self] environment in try await policyOutcome(for: repository.name, environment: environment).network },
      commandSeconds: images.commandSeconds,
      scan: scan, review: review(of: repository.name))
    let built = try await flushing(log) { try await self.builder.build(order, log: log) }
    try await log.close()
    let record = try Self.record(built, marks: scan.marks)
    try await uncancelled { [registry] in try await registry.finishBuild(built.manifest.id, with: record, at: Date()) }
  }

  private static func record(_ built: ImageBuilder.Built, marks: [String]) throws -> Registry.BuiltImage {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    func text(_ value: some Encodable) throws -> String { String(decoding: try encoder.encode(value), as: UTF8.self) }
    let manifest = built.manifest
    return Registry.BuiltImage(
      summary: ImageSummary(
        id: manifest.id, commit: manifest.commit, environmentDigest: manifest.environmentDigest, created: manifest.created),
      environment: try text(built.environment),
      basis: try text(BuildBasis(base: built.base.stamp, inputs: built.inputs, marks: marks)), requests: built.requests)
  }

  /// What there is to decide with whether anything changed.
  struct Tip: Sendable {
    var head: RemoteHead
    var bases: [BaseRecord]
  }

  func tip(of repository: Repository) async throws -> Tip {
    let url = try RepositoryURL(repository.url, for: repository.name)
    async let bases = provider.bases()
    let head = try await probe.head(
      of: url, branch: repository.defaultBranch, credential: await credential(for: repository.name, url: url.text, push: false))
    let known = try await bases
    guard known.contains(where: { $0.name == configuration.sandbox.base }) else {
      throw RookeryError(
        .hostUnsupported, "This machine has no base root filesystem named “\(configuration.sandbox.base)”.",
        mend: "Make it with “make setup”.")
    }
    return Tip(head: head, bases: known)
  }

  /// The image that serves, where a build now would make the same: one `ls-remote` and a few look-ups. Nil where it would not.
  func standing(of repository: Repository, reason: BuildSummary.Reason) async throws -> Registry.BuiltImage? {
    try await standing(at: tip(of: repository), of: repository)
  }

  private func standing(at tip: Tip, of repository: Repository) async throws -> Registry.BuiltImage? {
    guard let current = try await registry.currentImage(of: repository.name), current.summary.commit == tip.head.commit,
      let basis = BuildBasis(json: current.basis), let environment = EnvironmentFile(json: current.environment),
      let base = tip.bases.first(where: { $0.name == environment.base ?? configuration.sandbox.base }), base.stamp == basis.base,
      try await credentialScan().isCovered(by: basis.marks),
      try await provider.images().contains(where: { $0.id == current.summary.id })
    else { return nil }
    return current
  }

  func credentialScan() async throws -> CredentialScan {
    CredentialScan(
      secrets: configuration.heldSecrets, markKey: try await registry.randomKey("credential scan"), allowed: configuration.images.scanAllow)
  }

  /// What the server's configuration grants of what a repository's environment file asks for.
  nonisolated func review(of name: RepositoryName) -> RequestReview {
    let settings = configuration.repositories[name] ?? .init()
    let hosts = settings.hosts + configuration.network.hosts + settings.requestableHosts
    return RequestReview(
      limits: limits(for: name),
      allowsHost: { text in HostPattern(text).map { asked in hosts.contains { $0.covers(asked) } } ?? false },
      allowsSecret: { request in (request.exposed ? settings.exposedSecrets : settings.secrets).contains(request.name) })
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

  /// The image that a build may start from: the current one, unless it is gone, stands on too many others, or was looked through
  /// before the server learnt of a secret.
  private func startingPoint(
    for name: RepositoryName, scan: CredentialScan, _ log: BuildLog
  ) async throws -> (manifest: ImageManifest, basis: BuildBasis)? {
    guard let current = try await registry.currentImage(of: name), let basis = BuildBasis(json: current.basis) else { return nil }
    let images = Dictionary(try await provider.images().map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    guard let manifest = images[current.summary.id] else { return nil }
    guard scan.isCovered(by: basis.marks) else {
      try await log.note("The server has secrets that the earlier image was not searched for: building from the base.", step: "prepare")
      return nil
    }
    var depth = 1
    var parent = manifest.parent
    while case .image(let below) = parent, let next = images[below], depth <= configuration.images.layers {
      depth += 1
      parent = next.parent
    }
    guard depth < configuration.images.layers else {
      try await log.note("The earlier image stands on \(depth) layers: building from the base.", step: "prepare")
      return nil
    }
    return (manifest, basis)
  }

  private func typed(_ error: any Error) -> RookeryError {
    error as? RookeryError ?? RookeryError(.internal, "The build failed.", mend: "See the server's log.", context: "\(error)")
  }
}

/// What an image was built on, to tell whether a build now would make the same.
struct BuildBasis: Sendable, Codable, Equatable {
  /// The base and when it was made.
  var base: String
  /// Digest of the files that decide setup; nil when none is named.
  var inputs: String?
  /// Which secrets it was searched for.
  var marks: [String]

  init(base: String, inputs: String?, marks: [String]) {
    self.base = base
    self.inputs = inputs
    self.marks = marks
  }

  init?(json: String) {
    guard let basis = try? JSONDecoder().decode(BuildBasis.self, from: Data(json.utf8)) else { return nil }
    self = basis
  }
}

extension EnvironmentFile {
  /// As it is kept beside an image; nil when an earlier version wrote it in another form.
  init?(json: String) {
    guard let file = try? JSONDecoder().decode(EnvironmentFile.self, from: Data(json.utf8)) else { return nil }
    self = file
  }
}
