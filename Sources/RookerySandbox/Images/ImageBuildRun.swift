import Foundation
import Logging
import RookeryConfiguration
import RookeryModel

/// One build under way.
actor ImageBuildRun {
  let order: ImageBuilder.Order
  let provider: any SandboxProvider
  let gateway: GatewayClient
  let log: BuildLog
  let logger: Logger
  private var machine: ImageBuild
  private var sandbox: SandboxID?
  private var copy: WorkingCopy?
  /// When the sandbox was made, a little early rather than late.
  private var made = Date()
  private var services: BuildServices?
  private var isHandedOver = false
  private var requests: [EnvironmentRequest] = []

  init(order: ImageBuilder.Order, provider: any SandboxProvider, gateway: GatewayClient, log: BuildLog, logger: Logger) {
    self.order = order
    self.provider = provider
    self.gateway = gateway
    self.log = log
    self.logger = logger
    machine = ImageBuild(
      ImageBuild.Subject(
        image: order.image, repository: order.repository, commit: order.commit, base: order.base, previous: order.previous,
        previousInputs: order.previousInputs))
  }

  func toEnd() async throws -> ImageBuilder.Built {
    var action = machine.begin()
    while true {
      switch action {
      case .done(let manifest):
        let environment = machine.environment
        return ImageBuilder.Built(
          manifest: manifest, environment: environment.file, inputs: environment.inputs, base: try base(environment.base),
          requests: requests)
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
    await services?.abandon()
    services = nil
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
    case .readEnvironment: return machine.read(try await readEnvironment())
    case .install(let install): try await self.install(install, step: action.step)
    case .setUp(_, _, let command):
      try await runCommand(command, account: .root, step: action.step, what: "setup", seconds: nil)
    case .start(let wanted): try await start(wanted)
    case .run(let phase, _, _, let command):
      try await runCommand(command, account: .agent, step: action.step, what: phase.rawValue, seconds: order.commandSeconds)
    case .stop: try await stop()
    case .finalise: try await finalise()
    case .scan: try await scan()
    case .publish(let manifest): try await publish(manifest)
    case .discard(let reason):
      try await log.note("Starting over from the base: \(PlainText.line(reason.prefix(300)))", step: action.step)
      await clear()
    case .done, .fail: break
    }
    return machine.succeeded(at: Date())
  }

  // MARK: Steps

  private func create(from source: CreateSandbox.Source) async throws {
    // Known before it exists, so that it is ended whatever becomes of the call.
    let id = SandboxID.random(prefix: ImageBuilder.sandboxPrefix)
    sandbox = id
    let description =
      switch source {
      case .image(let image): "the earlier image \(image)"
      case .base(let base): "the base \(base)"
      case .snapshot(let snapshot): "the snapshot \(snapshot)"
      }
    try await log.note("Starting a sandbox from \(description).", step: "prepare")
    made = Date()
    isHandedOver = false
    let started = try await provider.create(CreateSandbox(id: id, source: source, limits: order.limits, bundles: []))
    try await grant(id, for: nil)
    let shell = BuildShell(sandbox: started, log: log)
    if case .base(let base) = source { try await BaseRequirements(base: base).check(shell) }
    copy = WorkingCopy(shell: shell, repository: order.repository, url: order.url, branch: order.branch, commit: order.commit)
  }

  /// What a build may reach: its own repository to read, no model.
  private func grant(_ id: SandboxID, for environment: EnvironmentFile?) async throws {
    try await gateway.grant(
      Grant(
        sandbox: id, expires: Date().addingTimeInterval(Double(order.limits.runtimeSeconds)),
        git: [Grant.Git(name: order.repository, url: order.url, pushRef: nil)], model: nil, network: order.network(environment),
        privateHosts: order.privateHosts))
  }

  private func readEnvironment() async throws -> ImageBuild.Environment {
    let copy = try workingCopy()
    let read = try await EnvironmentReader(copy: copy).read()
    for name in read.ignored {
      try await log.note("\(DevContainer.path): “\(PlainText.line(name))” is ignored.", step: WorkingCopy.step)
    }
    let record = try base(read.file.base ?? order.base)
    if let sandbox, !read.file.hosts.isEmpty || !read.file.secrets.isEmpty { try await grant(sandbox, for: read.file) }
    requests = order.review.judge(read.file)
    for request in requests {
      let verdict = request.isGranted ? "granted" : "refused: \(request.remark)"
      try await log.note("asks for \(request.kind.rawValue) \(PlainText.line(request.text)): \(verdict)", step: WorkingCopy.step)
    }
    let inputs = try await copy.inputs(read.file.inputs)
    return ImageBuild.Environment(
      file: read.file, digest: EnvironmentReader.digest(read.file, base: record), inputs: inputs, base: record.name)
  }

  private func install(_ install: PackageInstall, step: String) async throws {
    let copy = try workingCopy()
    let (repository, manager) = (order.repository, install.manager)
    let probe = BuildShell.Program(argv: ["/bin/sh", "-c", #"command -v "$1""#, "find", manager], account: .root)
    guard try await copy.shell.capture(probe, limit: 4096).exit.succeeded else {
      throw RookeryError(
        .setupFailed, "The base has no \(manager), which “packages” needs.",
        mend: "Install it with another package manager first, or choose a base that has it.")
    }
    for command in install.commands {
      try await log.note("$ \(PlainText.line(command.joined(separator: " ").prefix(1000)))", step: step)
      let program = BuildShell.Program(
        argv: command, account: .root, environment: machine.environment.file.env.merging(PackageInstall.environment) { $1 })
      try await log.timed("Done", step: step) {
        try await copy.shell.require(program, step: step) { exit in
          RookeryError(
            .setupFailed, "“\(command.prefix(3).joined(separator: " "))” failed (\(exit.text)).",
            mend: "Its output is in the build's log: “rookery repo show \(repository)”.", context: exit.text)
        }
      }
    }
  }

  /// One of the repository's own commands.
  private func runCommand(_ command: String, account: ProcessSpec.Account, step: String, what: String, seconds: Int?) async throws {
    let copy = try workingCopy()
    for (number, line) in command.split(separator: "\n").enumerated() {
      try await log.note("\(number == 0 ? "$" : ">") \(PlainText.line(line.prefix(1000)))", step: step)
    }
    if step.hasPrefix("setup 1/") {
      try await log.note("setup runs offline: only this repository's git server can be reached.", step: step)
    }
    if account == .agent { try await handOver() }
    let program = BuildShell.Program(
      argv: ["/bin/sh", "-c", command], account: account, directory: copy.directory, environment: machine.environment.file.env)
    let repository = order.repository
    let late = RookeryError(
      .setupFailed, "The \(what) command “\(PlainText.line(command.prefix(200)))” took longer than \(seconds ?? 0) seconds.",
      mend: "It must end. Raise “images: command_seconds:” in the server's configuration where it needs longer.")
    try await log.timed("Done", step: step) {
      let work: @Sendable () async throws -> Void = {
        try await copy.shell.require(program, step: step) { exit in
          RookeryError(
            .setupFailed, "The \(what) command “\(PlainText.line(command.prefix(200)))” failed (\(exit.text)).",
            mend: "Its output is in the build's log: “rookery repo show \(repository)”.", context: exit.text)
        }
      }
      if let seconds { try await withDeadline(.seconds(seconds), failure: late, work) } else { try await work() }
    }
  }

  private func start(_ wanted: [EnvironmentFile.Service]) async throws {
    let copy = try workingCopy()
    try await handOver()
    let services = BuildServices(
      wanted, in: copy.shell.sandbox, directory: copy.directory, environment: machine.environment.file.env, log: log)
    self.services = services
    try await services.start()
  }

  /// What setup made as root, before the agent's account works with it; it runs as root no more after that.
  private func handOver() async throws {
    guard !isHandedOver else { return }
    try await workingCopy().handOver()
    isHandedOver = true
  }

  private func stop() async throws {
    try await services?.stop()
    services = nil
  }

  private func finalise() async throws {
    let copy = try workingCopy()
    try await copy.shell.reap()
    try await copy.handOver()
    try await copy.clearTemporary()
    let changes = try await copy.changes()
    if changes > 0 {
      try await log.note(
        "Setup left \(changes) changes that git does not ignore; add them to .gitignore to keep them out of commits.", step: "finalise")
    }
    try? await gateway.revoke(copy.shell.sandbox.id)
  }

  private func scan() async throws {
    let copy = try workingCopy()
    let (scan, made) = (order.scan, made)
    try await log.timed("Looked for credentials", step: "scan") { [log] in
      let report = try await scan.check(copy.shell.sandbox, since: made, repository: copy.directory)
      try await log.note("\(report.files) files with \(report.bytes >> 10) KiB changed; no credential among them.", step: "scan")
      for note in report.notes.prefix(50) { try await log.note("let pass: \(PlainText.line(note.prefix(300)))", step: "scan") }
    }
    // What the search itself started is over, too.
    try await copy.shell.reap()
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

  private func base(_ name: BaseName) throws -> BaseRecord {
    guard let record = order.bases.first(where: { $0.name == name }) else {
      throw RookeryError(
        .environmentInvalid, "\(EnvironmentFile.path) asks for the base “\(name)”, which this machine does not have.",
        mend: "See “rookery base list”; add one with “rookery base add”.")
    }
    return record
  }

  // MARK: Failures

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
}
