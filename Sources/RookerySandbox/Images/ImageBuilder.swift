import Crypto
import Foundation
import Logging
import RookeryConfiguration
import RookeryModel

/// Builds images: carries out the steps of `ImageBuild` in a sandbox that lives for this build alone.
package struct ImageBuilder: Sendable {
  /// What to build and within which bounds.
  package struct Order: Sendable {
    package var image: ImageID
    package var repository: RepositoryName
    /// The real URL, without credentials.
    package var url: String
    package var branch: String
    package var commit: String
    package var base: BaseRecord
    /// The earlier image, when the build may start from it.
    package var previous: ImageManifest?
    package var limits: Limits
    package var privateHosts: [String]
  }

  /// Ids of sandboxes that belong to a build start with this.
  package static let sandboxPrefix = "build-"

  private let provider: any SandboxProvider
  private let gateway: GatewayClient
  private let logger: Logger

  package init(provider: any SandboxProvider, gateway: GatewayClient, logger: Logger) {
    self.provider = provider
    self.gateway = gateway
    self.logger = logger
  }

  /// Returns after the provider published the image. Whatever happens, no sandbox is left behind.
  package func build(_ order: Order, log: BuildLog) async throws -> (manifest: ImageManifest, environment: EnvironmentFile) {
    let overtime = RookeryError(
      .limitHit, "The build took longer than \(order.limits.runtimeSeconds) seconds.",
      mend: "Raise “runtimeSeconds” in the limits of \(order.repository), or let its setup do less.")
    return try await withDeadline(.seconds(order.limits.runtimeSeconds), failure: overtime) {
      let run = Run(order: order, provider: provider, gateway: gateway, log: log, logger: logger)
      do {
        let built = try await run.toEnd()
        await run.clear()
        return built
      } catch {
        await run.clear()
        throw error
      }
    }
  }

  /// One build under way.
  private actor Run {
    private let order: Order
    private let provider: any SandboxProvider
    private let gateway: GatewayClient
    private let log: BuildLog
    private let logger: Logger
    private var machine: ImageBuild
    private var sandbox: SandboxID?
    private var copy: WorkingCopy?
    private var environment = EnvironmentFile()

    init(order: Order, provider: any SandboxProvider, gateway: GatewayClient, log: BuildLog, logger: Logger) {
      self.order = order
      self.provider = provider
      self.gateway = gateway
      self.log = log
      self.logger = logger
      machine = ImageBuild(
        ImageBuild.Subject(
          image: order.image, repository: order.repository, commit: order.commit, base: order.base.name, previous: order.previous))
    }

    func toEnd() async throws -> (manifest: ImageManifest, environment: EnvironmentFile) {
      var action = machine.begin()
      while true {
        switch action {
        case .done(let manifest, let environment): return (manifest, environment)
        case .fail(let error): throw error
        default: break
        }
        do {
          action = try await perform(action)
        } catch {
          try Task.checkCancellation()
          action = machine.failed(await explained(error))
        }
      }
    }

    /// Ends what is left of the build, cancelled or not.
    func clear() async {
      guard let sandbox else { return }
      self.sandbox = nil
      copy = nil
      do {
        try await uncancelled { [provider, gateway] in
          try? await gateway.revoke(sandbox)
          try await provider.terminate(sandbox, keep: nil)
        }
      } catch {
        logger.warning("a build's sandbox may be left", metadata: ["sandbox": "\(sandbox)", "error": "\(error)"])
      }
    }

    private func perform(_ action: ImageBuild.Action) async throws -> ImageBuild.Action {
      switch action {
      case .create(let source): try await create(from: source)
      case .checkOut(let fetching):
        let copy = try workingCopy()
        try await log.timed(fetching ? "Fetched" : "Cloned", step: action.step) {
          try await fetching ? copy.fetch() : copy.clone()
        }
      case .readEnvironment:
        let (file, bytes) = try await workingCopy().environment()
        environment = file
        return machine.read(file, digest: Self.digest(bytes, base: order.base))
      case .setUp(_, _, let command): try await setUp(command, step: action.step)
      case .finalise: try await finalise()
      case .publish(let manifest): try await publish(manifest)
      case .discard(let reason):
        try await log.note("Not building on the earlier image: \(PlainText.line(reason))", step: action.step)
        await clear()
      case .done, .fail: break
      }
      return machine.succeeded(at: Date())
    }

    private func create(from source: CreateSandbox.Source) async throws {
      // Known before it exists, so that it is ended whatever becomes of the call.
      let id = SandboxID.random(prefix: ImageBuilder.sandboxPrefix)
      sandbox = id
      let description = if case .image(let image) = source { "the earlier image \(image)" } else { "the base \(order.base.name)" }
      try await log.note("Starting a sandbox from \(description).", step: "prepare")
      let made = try await provider.create(CreateSandbox(id: id, source: source, limits: order.limits, bundles: []))
      let git = Grant.Git(name: order.repository, url: order.url, pushRef: nil)
      try await gateway.grant(
        Grant(
          sandbox: id, expires: Date().addingTimeInterval(Double(order.limits.runtimeSeconds)), git: [git], model: nil,
          privateHosts: order.privateHosts))
      copy = WorkingCopy(
        shell: BuildShell(sandbox: made, log: log), repository: order.repository, url: order.url, branch: order.branch,
        commit: order.commit)
    }

    private func setUp(_ command: String, step: String) async throws {
      let copy = try workingCopy()
      for (number, line) in command.split(separator: "\n").enumerated() {
        try await log.note("\(number == 0 ? "$" : ">") \(PlainText.line(line.prefix(1000)))", step: step)
      }
      if step.hasPrefix("setup 1/") {
        try await log.note("setup runs offline: only this repository's git server can be reached.", step: step)
      }
      let program = BuildShell.Program(
        argv: ["/bin/sh", "-c", command], account: .root, directory: copy.directory, environment: environment.env)
      let repository = order.repository
      try await log.timed("Done", step: step) {
        try await copy.shell.require(program, step: step) { exit in
          RookeryError(
            .setupFailed, "The setup command “\(PlainText.line(command.prefix(200)))” failed (\(exit.text)).",
            mend: "Its output is in the build's log: “rookery repo show \(repository)”. Setup runs offline.", context: exit.text)
        }
      }
    }

    private func finalise() async throws {
      let copy = try workingCopy()
      // Everything but the killer itself and the runner, which the kernel spares as the first process.
      let killer = BuildShell.Program(argv: ["/bin/sh", "-c", "kill -KILL -1"], account: .root)
      _ = try await copy.shell.capture(killer, limit: 4096)
      try await copy.handOver()
      let changes = try await copy.changes()
      if changes > 0 {
        try await log.note(
          "Setup left \(changes) changes that git does not ignore; add them to .gitignore to keep them out of commits.", step: "finalise")
      }
      try? await gateway.revoke(copy.shell.sandbox.id)
    }

    private func publish(_ manifest: ImageManifest) async throws {
      let copy = try workingCopy()
      await copy.shell.sandbox.detach()
      try await log.timed("Published \(manifest.id)", step: "finalise") { [provider] in
        try await provider.publishImage(copy.shell.sandbox.id, manifest: manifest)
      }
    }

    private func workingCopy() throws -> WorkingCopy {
      guard let copy else { throw RookeryError(.internal, "The image build has no sandbox.", mend: "Build the repository again.") }
      return copy
    }

    /// The limit that the sandbox hit, if that is behind `error`.
    private func explained(_ error: any Error) async -> RookeryError {
      let plain = error as? RookeryError ?? RookeryError(.internal, "The build failed.", mend: "See the server's log.", context: "\(error)")
      let isKill = plain.code == .sandboxLost || Self.kills.contains(plain.context)
      guard let sandbox, let (limit, detail) = await limitHit(by: sandbox, patience: isKill ? .seconds(3) : .zero) else { return plain }
      return RookeryError(
        plain.code == .setupFailed ? .setupFailed : .limitHit, "\(plain.message) The sandbox hit its \(limit.rawValue) limit: \(detail)",
        mend: "Raise that limit for \(order.repository) in the server's configuration.", context: plain.context)
    }

    /// How a command ends that was killed: by itself, or below a shell.
    private static let kills = [ProcessExit.signal(9).text, ProcessExit.code(137).text]

    /// The host tells of a limit a moment after the kernel enforced it.
    private func limitHit(by sandbox: SandboxID, patience: Duration) async -> (LimitName, detail: String)? {
      let deadline = ContinuousClock.now + patience
      var reached: Int64 = 0
      repeat {
        guard let events = try? await provider.events(after: reached, wait: patience > .zero ? 1 : 0) else { return nil }
        for event in events where event.sandbox == sandbox {
          if case .limitHit(let limit, let detail) = event.kind { return (limit, detail) }
        }
        reached = events.last?.seq ?? reached
      } while ContinuousClock.now < deadline
      return nil
    }

    /// Covers everything that decides what setup does: the base and the file.
    private static func digest(_ environment: [UInt8], base: BaseRecord) -> String {
      var hash = SHA256()
      hash.update(data: Data("image 1\n\(base.name)\n\(Int(base.created.timeIntervalSince1970 * 1000))\n".utf8))
      hash.update(data: environment)
      return hash.finalize().map { String(format: "%02x", $0) }.joined()
    }
  }
}
