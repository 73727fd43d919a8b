import Crypto
import Foundation
import Logging
import RookeryModel

/// Installs agents as bundles: wheels are downloaded by this user without running anything of them, then installed offline in a
/// sandbox of the base and published read-only.
package struct AgentInstaller: Sendable {
  let provider: any SandboxProvider
  let definitions: [AgentDefinition]
  let base: BaseName
  /// A directory of ours for downloads.
  let scratch: String
  let logger: Logger

  /// Ids of sandboxes that belong to an installation start with this.
  package static let sandboxPrefix = "install-"
  private static let limits = Limits(memoryMB: 4096, cpus: 2, processes: 1024, diskMB: 10240, runtimeSeconds: 1800)

  package init(provider: any SandboxProvider, definitions: [AgentDefinition], base: BaseName, scratch: String, logger: Logger) {
    self.provider = provider
    self.definitions = definitions
    self.base = base
    self.scratch = scratch
    self.logger = logger
  }

  /// Every agent that is defined, in the order of the definitions.
  package func list() async throws -> [AgentSummary] {
    let installed = Set(try await provider.bundles().map(\.agent))
    return definitions.map { definition in
      AgentSummary(
        name: definition.name, title: definition.title,
        installed: definition.python.isEmpty || installed.contains(definition.name), tested: definition.tested)
    }
  }

  /// Installs an agent, or does nothing when exactly this is installed. `progress` gets each line of the log (steps `prepare`,
  /// `download`, `install`, `check`, `publish`).
  ///
  /// Returns nil when the agent has nothing to install. Throws `agentUnknown`, `configurationInvalid`, `hostUnsupported`,
  /// `unavailable` (download) or `agentFailed`.
  package func install(_ name: AgentName, progress: @escaping @Sendable (BuildLine) -> Void) async throws -> BundleManifest? {
    guard let definition = definitions.first(where: { $0.name == name }) else {
      throw RookeryError(
        .agentUnknown, "There is no agent named “\(name)”.",
        mend: "Known agents: \(definitions.map(\.name.rawValue).sorted().joined(separator: ", ")).")
    }
    let log = BuildLog(batch: 1) { $0.forEach(progress) }
    guard !definition.python.isEmpty else {
      try await log.note("\(definition.title) needs no installation.", step: "prepare")
      return nil
    }
    try definition.python.forEach(WheelDownload.check)
    let overtime = RookeryError(
      .limitHit, "The installation took longer than \(Self.limits.runtimeSeconds / 60) minutes.", mend: "Check the network, then try again."
    )
    return try await withDeadline(.seconds(Self.limits.runtimeSeconds), failure: overtime) {
      try await withSandbox(log) { sandbox in
        try await withScratch { directory in
          try await install(definition, in: sandbox, downloads: directory, log)
        }
      }
    }
  }

  private func install(
    _ definition: AgentDefinition, in sandbox: any Sandbox, downloads: String, _ log: BuildLog
  ) async throws -> BundleManifest {
    let bundle = BundleBuild(definition: definition, shell: BuildShell(sandbox: sandbox, log: log))
    let target = try await bundle.target()
    try await log.note("Downloading \(definition.python.joined(separator: ", ")) for Python \(target.python).", step: "download")
    let wheels = try await log.timed("Downloaded", step: "download") { try await download(definition, target, into: downloads, log) }
    try await log.note("\(wheels.wheels.count) packages, \(wheels.size >> 20) MiB.", step: "download")
    let digest = try await digest(of: definition, target, wheels)
    if let installed = try await provider.bundles().first(where: { $0.agent == definition.name && $0.digest == digest }) {
      try await log.note("Exactly this is installed already.", step: "install")
      return installed
    }
    try await bundle.install(wheels)
    try await bundle.check()
    let manifest = BundleManifest(agent: definition.name, digest: digest, created: Date())
    await sandbox.detach()
    try await provider.publishBundle(sandbox.id, manifest: manifest)
    try await log.note("Installed \(definition.title).", step: "publish")
    return manifest
  }

  private func download(
    _ definition: AgentDefinition, _ target: WheelDownload.Target, into directory: String, _ log: BuildLog
  ) async throws -> WheelSet {
    let (lines, relay) = AsyncStream<String>.makeStream(bufferingPolicy: .bufferingNewest(1000))
    return try await withThrowingTaskGroup(of: WheelSet?.self) { group in
      group.addTask {
        defer { relay.finish() }
        return try await WheelDownload().fetch(definition.python, for: target, into: directory) { relay.yield($0) }
      }
      group.addTask {
        for await line in lines { try await log.add([line], step: "download") }
        return nil
      }
      var fetched: WheelSet?
      for try await result in group { fetched = result ?? fetched }
      guard let fetched else { throw CancellationError() }
      return fetched
    }
  }

  /// Covers the definition, the base and the bytes of every package.
  private func digest(of definition: AgentDefinition, _ target: WheelDownload.Target, _ wheels: WheelSet) async throws -> String {
    let created = try await provider.bases().first { $0.name == base }?.created ?? .distantPast
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    var hash = SHA256()
    hash.update(data: Data("bundle 1\n\(base)\n\(Int(created.timeIntervalSince1970))\n\(target.python)\n".utf8))
    hash.update(data: try encoder.encode(definition))
    for wheel in wheels.wheels { hash.update(data: Data("\n\(wheel.name) \(wheel.sha256)".utf8)) }
    return hash.finalize().map { String(format: "%02x", $0) }.joined()
  }

  /// A sandbox of the base that ends with `body`.
  private func withSandbox<Value: Sendable>(
    _ log: BuildLog, _ body: (any Sandbox) async throws -> Value
  ) async throws -> Value {
    let id = SandboxID.random(prefix: Self.sandboxPrefix)
    try await log.note("Starting a sandbox from the base \(base).", step: "prepare")
    do {
      let sandbox = try await provider.create(CreateSandbox(id: id, source: .base(base), limits: Self.limits, bundles: []))
      let value = try await body(sandbox)
      await terminate(id)
      return value
    } catch {
      await terminate(id)
      throw error
    }
  }

  private func terminate(_ id: SandboxID) async {
    do {
      try await uncancelled { [provider] in try await provider.terminate(id, keep: nil) }
    } catch {
      logger.warning("an installation's sandbox may be left", metadata: ["sandbox": "\(id)", "error": "\(error)"])
    }
  }

  /// A new directory that goes away with `body`.
  private func withScratch<Value: Sendable>(_ body: (String) async throws -> Value) async throws -> Value {
    let directory = "\(scratch)/wheels-\(ProcessID.random(prefix: "w"))"
    try FileManager.default.createDirectory(
      atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    defer { try? FileManager.default.removeItem(atPath: directory) }
    return try await body(directory)
  }
}
