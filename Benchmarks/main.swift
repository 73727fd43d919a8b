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
  let arguments = Array(CommandLine.arguments.dropFirst())
  if arguments.first == "fan-out-server" { return try await FanOutServer.run(in: directory) }
  // A peer that can't be had is an error, unless it is waived: --waive socketify.
  let waived = Set(zip(arguments, arguments.dropFirst()).filter { $0.0 == "--waive" }.map(\.1))
  let fanOut = FanOutBenchmark(directory: directory, waived: waived)
  // “fan-out” measures the sockets alone.
  if arguments.first == "fan-out" { return printTable(try fanOut.run()) }
  let base = "/var/cache/rookery/bases/debian-bookworm"
  var rows = try await SandboxBenchmark.run(in: directory, root: base)
  // “sandbox” as the argument measures the sandbox host alone.
  if CommandLine.arguments.dropFirst().first == "sandbox" { return printTable(rows) }
  rows += [try appendBenchmark(in: directory)]
  rows += try await BenchmarkSystem.with(in: directory) { system in
    // An image first, so that its build is not part of a start; then a quiet moment before memory is read.
    let starts = StartBenchmark(system: system, root: base)
    let compared = try await starts.run(rounds: 30) + RebuildBenchmark(system: system).run(rounds: 30)
    let warm = try await WarmBenchmark(system: system, directory: directory).run(rounds: 30)
    return [
      Comparison(
        name: "rookery up → first healthy answer", ours: .init(samples: [system.startTime]), peer: nil, peerName: "", goal: 2000, unit: "ms"
      ),
      Comparison(
        name: "serve + host + gateway, idle", ours: .init(samples: [try system.memory()]), peer: nil, peerName: "", goal: 60, unit: "MiB"),
    ] + compared + warm
  }
  rows += try fanOut.run()
  printTable(rows)
}
