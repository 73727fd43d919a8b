import Foundation
import Logging
import RookeryConfiguration
import RookeryModel
import RookeryStore

/// The repositories that Rookery may work on, and their images. `run` carries out the builds.
package actor RepositoryService {
  let registry: Registry
  let provider: any SandboxProvider
  let builder: ImageBuilder
  nonisolated let configuration: Configuration
  let probe: RemoteProbe
  let logger: Logger
  let feed = BuildFeed()
  /// Builds that wait or run, by repository: at most one each.
  var active: [RepositoryName: ActiveBuild] = [:]
  /// Where `run` takes builds from; nil while it doesn't run.
  var queue: AsyncStream<ActiveBuild>.Continuation?

  struct ActiveBuild: Sendable {
    var image: ImageID
    var repository: Repository
    var cancellation: BuildCancellation
  }

  package init(registry: Registry, provider: any SandboxProvider, gateway: GatewayClient, configuration: Configuration, logger: Logger) {
    self.registry = registry
    self.provider = provider
    self.configuration = configuration
    self.logger = logger
    builder = ImageBuilder(provider: provider, gateway: gateway, logger: logger)
    probe = RemoteProbe(policy: DestinationPolicy(privateHosts: configuration.network.privateHosts))
  }

  /// Adds a repository after its remote was asked for its branches.
  ///
  /// Throws `badRequest` (URL, branch or text), `conflict` (the name is taken, no such branch), `repositoryUnreachable`,
  /// `repositoryEmpty`.
  package func add(_ request: API.AddRepository) async throws -> Repository {
    let url = try RepositoryURL(request.url, for: request.name)
    try Self.check(request)
    let credential = credential(for: request.name, push: false)
    if case .basic = credential, !url.isEncrypted, !probe.policy.allowsPrivateAddresses(of: url) {
      throw RookeryError(
        .badRequest, "The credential of “\(request.name)” would travel to \(url.host) in the clear.", mend: "Give an https URL.")
    }
    try await refuseTaken(request.name)
    let head = try await probe.head(of: url, branch: request.defaultBranch, credential: credential)
    let repository = Repository(
      name: request.name, url: url.text, defaultBranch: head.branch, description: request.description ?? "",
      hints: request.hints ?? [], agent: request.agent, added: Date())
    try await registry.insert(repository)
    return repository
  }

  /// By name.
  package func list() async throws -> [Repository] {
    try await registry.repositories()
  }

  /// Throws `repositoryUnknown`.
  package func get(_ name: RepositoryName) async throws -> Repository {
    try await registry.repository(name)
  }

  /// Forgets the repository, ending a build of it, and removes its images as far as nothing stands on them.
  package func remove(_ name: RepositoryName) async throws {
    _ = try await registry.repository(name)
    if let build = active[name] {
      build.cancellation.cancel()
      _ = try await outcome(of: build.image)
    }
    try await registry.removeRepository(name)
    await removeImages { $0.repository == name }
  }

  /// What the gateway adds to git's requests for this repository.
  package nonisolated func credential(for name: RepositoryName, push: Bool) -> CredentialAnswer {
    guard let settings = configuration.repositories[name], let token = settings.gitToken else { return .anonymous }
    return .basic(user: settings.gitUser ?? "x-access-token", password: token)
  }

  nonisolated func limits(for name: RepositoryName) -> Limits {
    configuration.repositories[name]?.limits ?? configuration.sandbox.limits
  }

  /// Removes those of the provider's images. One that a sandbox, a snapshot or another image stands on stays: the provider
  /// refuses.
  func removeImages(where isUnused: (ImageManifest) -> Bool) async {
    do {
      // Newest first: an image built on another one goes before it.
      let images = try await provider.images().filter(isUnused)
      for image in images.sorted(by: { $0.created > $1.created }) {
        do {
          try await provider.removeImage(image.id)
        } catch {
          logger.info("an image stays", metadata: ["image": "\(image.id)", "reason": "\(error)"])
        }
      }
    } catch {
      logger.warning("unused images were not removed", metadata: ["error": "\(error)"])
    }
  }

  private func refuseTaken(_ name: RepositoryName) async throws {
    let taken = try await registry.repositories().first { $0.name == name }
    if let taken {
      throw RookeryError(
        .conflict, "A repository named “\(name)” was added before, for \(taken.url).",
        mend: "Choose another name, or remove that one with “rookery repo remove \(name)”.")
    }
  }

  private static func check(_ request: API.AddRepository) throws {
    func refuse(_ message: String, _ mend: String) -> RookeryError { RookeryError(.badRequest, message, mend: mend) }
    if let branch = request.defaultBranch, let problem = BranchName.problem(branch) {
      throw refuse("The branch name “\(PlainText.line(branch.prefix(80)))” \(problem).", "Name a branch of the repository.")
    }
    guard (request.description ?? "").utf8.count <= 4096 else {
      throw refuse("The description is longer than 4096 bytes.", "Shorten it.")
    }
    guard (request.hints ?? []).count <= 50, (request.hints ?? []).allSatisfy({ $0.utf8.count <= 1024 }) else {
      throw refuse("There are more than 50 hints, or one is longer than 1024 bytes.", "Give fewer or shorter ones.")
    }
  }
}
