import Foundation

// Measures what the README and the docs claim, beside peers or physical limits, in one run. Reports medians and ratios: machines are
// shared and noisy, so nothing here passes or fails a test. Needs root, `podman` and `bwrap`; `make bench` sets them up.
let directory = FileManager.default.temporaryDirectory.appending(path: "rookery-bench-\(UInt32.random(in: .min ... .max))").path
try FileManager.default.createDirectory(
  atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])

do {
  try await run()
} catch {
  try? FileManager.default.removeItem(atPath: directory)
  FileHandle.standardError.write(Data("The benchmark could not be run: \(error)\n".utf8))
  exit(1)
}
try? FileManager.default.removeItem(atPath: directory)

func run() async throws {
  let base = "/var/cache/rookery/bases/debian-bookworm"
  // “egress” as the argument measures the way out of a sandbox alone.
  if CommandLine.arguments.dropFirst().first == "egress" { return printTable(try await EgressBenchmark.run(in: directory, root: base)) }
  var rows = try await SandboxBenchmark.run(in: directory, root: base)
  // “sandbox” as the argument measures the sandbox host alone.
  if CommandLine.arguments.dropFirst().first == "sandbox" { return printTable(rows) }
  rows += try await EgressBenchmark.run(in: directory, root: base)
  rows += [try appendBenchmark(in: directory)]
  rows += try await BenchmarkSystem.with(in: directory) { system in
    // What the start left to do is done by then.
    try await Task.sleep(for: .seconds(2))
    let idle = try system.memory()
    let starts = StartBenchmark(system: system, root: base)
    let compared = try await starts.run(rounds: 30) + RebuildBenchmark(system: system).run(rounds: 30)
    let warm = try await WarmBenchmark(system: system, directory: directory).run(rounds: 30)
    return [
      Comparison(
        name: "rookery up → first healthy answer", ours: .init(samples: [system.startTime]), peer: nil, peerName: "", goal: 2000, unit: "ms"
      ),
      Comparison(name: "serve + host + gateway, idle", ours: .init(samples: [idle]), peer: nil, peerName: "", goal: 60, unit: "MiB"),
      Comparison(
        name: "the same, after the sessions below", ours: .init(samples: [try system.memory()]), peer: nil, peerName: "", goal: 60,
        unit: "MiB"),
    ] + compared + warm
  }
  printTable(rows)
}
