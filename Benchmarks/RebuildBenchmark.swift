import Foundation
import RookeryCommands
import RookeryModel

/// A build that is asked for while the tip and the environment are unchanged, from the request to its recorded end, beside one bare
/// `git ls-remote` of the same branch.
struct RebuildBenchmark {
  let system: BenchmarkSystem

  /// Needs an image that serves. Rounds of both alternate; what is reported is what ours takes beyond its peer's run beside it.
  func run(rounds: Int) async throws -> [Comparison] {
    let repository = try await system.api.get("/v1/repositories/\(system.repository)", as: Repository.self)
    var (ours, bare): ([Double], [Double]) = ([], [])
    for _ in 0..<rounds {
      bare.append(
        try Self.milliseconds { _ = try output(["git", "ls-remote", "--symref", "--", repository.url, "HEAD", "refs/heads/main"]) })
      ours.append(try await build())
    }
    return [
      Comparison(
        name: "image rebuild, unchanged tip", ours: .init(samples: ours), peer: .init(samples: bare), peerName: "git ls-remote", goal: 2,
        unit: "ms"),
      Comparison(
        name: "the same, beyond git ls-remote", ours: .init(samples: zip(ours, bare).map { $0 - $1 }), peer: nil, peerName: "", goal: 10,
        unit: "ms"),
    ]
  }

  private func build() async throws -> Double {
    let clock = ContinuousClock()
    let began = clock.now
    let started = try await system.api.post("/v1/repositories/\(system.repository)/build", as: BuildSummary.self)
    var number = 0
    while true {
      let log = try await system.api.get(
        "/v1/repositories/\(system.repository)/build/log?after=\(number)&wait=20", as: API.BuildLog.self)
      number = log.lines.last?.number ?? number
      guard log.build.image == started.image else { throw BenchmarkFailure("another build came between") }
      if log.build.state == .running { continue }
      guard log.build.state == .unchanged else { throw BenchmarkFailure("the tip changed, or the build failed: \(log.build)") }
      return Self.milliseconds(clock.now - began)
    }
  }

  private static func milliseconds(_ body: () throws -> Void) rethrows -> Double {
    let clock = ContinuousClock()
    let began = clock.now
    try body()
    return milliseconds(clock.now - began)
  }

  private static func milliseconds(_ duration: Duration) -> Double { duration / .milliseconds(1) }
}
