import RookeryAgents
import RookeryConfiguration
import RookeryModel
import RookerySandbox

/// The first sandbox of a new session, asked for while the session's file is being made: its start takes longer than that does.
///
/// Nothing of the session is in it yet. A session that comes to nothing abandons it; one whose server is killed before it was stored
/// leaves it to `SessionEngine.endOrphans`.
struct EarlySandbox: Sendable {
  struct Started: Sendable {
    var image: ImageManifest
    var environment: EnvironmentFile
    var sandbox: any Sandbox
  }

  let id: SandboxID
  /// Fails where no image is published, and wherever a start can fail: the session's own try then says so to people.
  let start: Task<Started, any Error>

  init(for meta: SessionMeta, agent: AgentDefinition, services: SessionServices) {
    let id = SandboxID.random(prefix: LiveSession.sandboxPrefix)
    self.id = id
    start = Task {
      guard let (image, environment) = try await services.repositories.publishedImage(of: meta.repository) else {
        throw RookeryError(.imageMissing, "The repository “\(meta.repository)” has no image.")
      }
      let order = services.order(id, for: meta, agent: agent, image: image, environment: environment)
      return Started(image: image, environment: environment, sandbox: try await services.provider.create(order))
    }
  }

  /// Ends it, whenever it has started.
  func abandon(_ provider: any SandboxProvider) {
    Task {
      guard let started = try? await start.value else { return }
      await started.sandbox.detach()
      try? await provider.terminate(id, keep: nil)
    }
  }
}

extension SessionServices {
  /// What the host is asked for: the session's snapshot where it has one, else the image.
  func order(
    _ id: SandboxID, for meta: SessionMeta, agent: AgentDefinition, image: ImageManifest, environment: EnvironmentFile
  ) -> CreateSandbox {
    CreateSandbox(
      id: id, source: meta.snapshot.map { .snapshot($0) } ?? .image(image.id),
      limits: limits(of: meta.repository, asked: environment.limits),
      bundles: agent.python.isEmpty ? [] : [agent.name], blockedCommands: configuration.blockedCommands(for: meta.repository))
  }
}
