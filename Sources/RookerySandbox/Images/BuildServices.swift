import RookeryConfiguration
import RookeryModel

/// The repository's services during a build: ready before its commands run, gone before its files are kept.
actor BuildServices {
  private let supervisor: ServiceSupervisor
  private let log: BuildLog
  private let names: [String]
  private var watch: Task<Void, Never>?

  init(
    _ services: [EnvironmentFile.Service], in sandbox: any Sandbox, directory: String, environment: [String: String], log: BuildLog
  ) {
    self.log = log
    names = services.map(\.name)
    supervisor = ServiceSupervisor(services, in: sandbox, directory: directory, environment: environment) { change in
      let detail = change.detail.isEmpty ? "" : ": \(PlainText.line(change.detail.prefix(500)))"
      try? await log.note("\(change.name) is \(change.state.rawValue)\(detail)", step: "start")
    }
  }

  /// Returns when every service is ready. Throws `setupFailed` when one isn't.
  func start() async throws {
    try await log.note("Starting \(names.joined(separator: ", ")).", step: "start")
    // Lives until `stop` or `abandon`, one of which every build comes to.
    watch = Task { [supervisor] in await supervisor.run() }
    try await supervisor.settled()
    let results = await supervisor.results
    if let failed = results.first(where: { $0.state != .ready }) {
      throw RookeryError(
        .setupFailed, "The service “\(failed.name)” did not become ready: \(PlainText.line(failed.detail.prefix(300))).",
        mend: "See the build's log; mend “start” in \(EnvironmentFile.path).")
    }
  }

  func stop() async throws {
    await abandon()
    try await supervisor.stop()
  }

  /// Lets go of services whose sandbox is ended.
  func abandon() async {
    watch?.cancel()
    await watch?.value
    watch = nil
  }
}
