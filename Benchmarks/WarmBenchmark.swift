import Foundation
import Logging
import RookeryCommands
import RookeryConfiguration
import RookeryModel
import RookerySandbox
import RookeryStore

/// From a claim to a process in the claimed sandbox, beside the same process in a sandbox that lives already; and what a sandbox
/// that waits keeps of the machine's memory.
struct WarmBenchmark {
  let system: BenchmarkSystem
  let directory: String

  func run(rounds: Int) async throws -> [Comparison] {
    let logger = Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }
    let provider = LocalProvider(socket: system.directory + "/data/run/host.sock", logger: logger)
    guard let image = try await system.api.get("/v1/repositories/\(system.repository)", as: Repository.self).image else {
      throw BenchmarkFailure("the repository has no image")
    }
    let registry = try Registry(directory: directory)
    try await registry.insert(Repository(name: system.repository, url: "http://127.0.0.1/site.git", defaultBranch: "work", added: Date()))
    let preparation = Preparation(provider: provider, repository: system.repository, image: image.id)
    let pool = WarmPool(
      registry: registry, provider: provider, gateway: nil, preparer: preparation, memoryBudget: 1 << 40, atOnce: 2,
      period: .milliseconds(50), logger: logger, isRecorded: { _, _ in false })
    let keeping = Task { try await pool.run() }
    let live = try await provider.create(preparation.specification(.random(prefix: "bench-")))
    var (claims, execs): ([Double], [Double]) = ([], [])
    var claimed: [SandboxID] = []
    for round in 0..<rounds {
      while try await pool.pool(of: system.repository).ready == 0 { try await Task.sleep(for: .milliseconds(20)) }
      let session = try SessionID("bench-\(round)")
      let clock = ContinuousClock()
      let began = clock.now
      guard let claim = try await pool.claim(system.repository, for: session, needing: nil) else { continue }
      claimed.append(claim.sandbox.id)
      try await claim.sandbox.start(Self.process())
      let middle = clock.now
      try await live.start(Self.process())
      let end = clock.now
      claims.append(Self.milliseconds(middle - began))
      execs.append(Self.milliseconds(end - middle))
      try await pool.confirm(claim.sandbox.id)
    }
    let memory = try await provider.list().filter { $0.state == .frozen }.compactMap(\.memoryBytes).map { Double($0) / 1_048_576 }
    keeping.cancel()
    _ = await keeping.result
    for record in try await provider.list() where claimed.contains(record.id) || record.id.rawValue.hasPrefix(WarmPool.sandboxPrefix) {
      try await provider.terminate(record.id, keep: nil)
    }
    try await provider.terminate(live.id, keep: nil)
    let over = zip(claims, execs).map { $0 - $1 }
    return [
      Comparison(
        name: "warm claim → process runs, over exec", ours: .init(samples: over), peer: nil,
        peerName: "exec \(String(format: "%.1f", Measurement(samples: execs).median)) ms", goal: 5, unit: "ms"),
      Comparison(
        name: "memory of a warm sandbox, no agent", ours: .init(samples: memory), peer: nil, peerName: "", goal: 10, unit: "MiB"),
    ]
  }

  private static func process() -> ProcessSpec {
    ProcessSpec(
      id: .random(prefix: "p-"), argv: ["/bin/true"], environment: ["PATH": "/bin"], directory: "/", account: .agent)
  }

  private static func milliseconds(_ duration: Duration) -> Double {
    Double(duration.components.seconds) * 1000 + Double(duration.components.attoseconds) / 1e15
  }

  /// A sandbox of the image, frozen: what a claim costs does not depend on what waits in it.
  private struct Preparation: WarmPreparing {
    let provider: LocalProvider
    let repository: RepositoryName
    let image: ImageID

    func specification(_ id: SandboxID) -> CreateSandbox {
      CreateSandbox(id: id, source: .image(image), limits: Limits(memoryMB: 512, cpus: 1, processes: 100), bundles: [])
    }

    func repositories() async throws -> [RepositoryName: PoolState.Repository] {
      let validity = PoolValidity(image: image, environmentDigest: "", agentDigest: "")
      return [repository: .init(settings: PoolSettings(size: 3, maximumAge: 3600), validity: validity)]
    }

    func prepare(_ order: WarmOrder) async throws -> (WarmContent, any Sandbox) {
      let sandbox = try await provider.create(specification(order.id))
      try await provider.pause(order.id)
      return (WarmContent(commit: "", environment: EnvironmentFile(), bundles: []), sandbox)
    }
  }
}
