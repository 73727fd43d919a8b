import Foundation
import RookeryCommands
import RookeryModel
import RookeryRehearsal

/// The product as an operator starts it, in a directory of its own, with a git server on loopback.
struct BenchmarkSystem {
  let api: APIClient
  let repository: RepositoryName
  let supervisor: Process
  let directory: String
  /// From the start of `rookery up` to its first healthy answer, in milliseconds.
  let startTime: Double

  /// Starts the system, runs `body` with it, and ends it.
  static func with<Value: Sendable>(in directory: String, _ body: (BenchmarkSystem) async throws -> Value) async throws -> Value {
    let repositories = directory + "/git"
    _ = try output([
      "sh", "-ec",
      """
      mkdir -p \(repositories); cd \(repositories); git init -q -b main work; cd work
      for i in $(seq 200); do echo $i > file$i; done
      git add -A; git -c user.name=B -c user.email=b@example.com commit -qm Start
      cd ..; git clone -q --bare work site.git; git -C site.git config http.receivepack true
      """,
    ])
    let (ports, arrived) = AsyncStream<Int>.makeStream()
    let server = GitHTTPServer(repositories: repositories, credential: nil)
    let serving = Task { try await server.run(port: 0) { arrived.yield($0) } }
    defer { serving.cancel() }
    var iterator = ports.makeAsyncIterator()
    guard let port = await iterator.next() else { throw BenchmarkFailure("the git server did not start") }
    let data = directory + "/data"
    let configuration = directory + "/rookery.yaml"
    try Data("server: {port: \(Int.random(in: 20000...30000))}\npool: {size: 0}\nnetwork: {private_hosts: [\"127.0.0.1:\(port)\"]}\n".utf8)
      .write(to: URL(filePath: configuration))
    return try await APIClient.with(ServerAddress(server: nil, data: data, token: nil)) { api in
      let supervisor = Process()
      supervisor.executableURL = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().appending(path: "rookery")
      supervisor.arguments = ["up", "--data", data, "--config", configuration]
      let log = directory + "/up.log"
      _ = FileManager.default.createFile(atPath: log, contents: nil)
      let sink = FileHandle(forWritingAtPath: log) ?? .nullDevice
      supervisor.standardOutput = sink
      supervisor.standardError = sink
      let clock = ContinuousClock()
      let began = clock.now
      try supervisor.run()
      defer {
        supervisor.terminate()
        supervisor.waitUntilExit()
      }
      while (try? await api.get("/v1/health", as: API.Health.self, timeout: .seconds(2)))?.status != "ok" {
        guard clock.now - began < .seconds(60) else {
          let said = FileManager.default.contents(atPath: log).map { String(decoding: $0, as: UTF8.self) } ?? ""
          throw BenchmarkFailure("rookery up did not become healthy: \(said)")
        }
        try await Task.sleep(for: .milliseconds(5))
      }
      let startTime = Double((clock.now - began).components.attoseconds) / 1e15 + Double((clock.now - began).components.seconds) * 1000
      let name = try RepositoryName("site")
      _ = try await api.post(
        "/v1/repositories", API.AddRepository(name: name, url: "http://127.0.0.1:\(port)/site.git"), as: Repository.self)
      let system = BenchmarkSystem(api: api, repository: name, supervisor: supervisor, directory: directory, startTime: startTime)
      let value = try await body(system)
      _ = try? output([supervisor.executableURL?.path ?? "rookery", "down", "--data", data])
      return value
    }
  }

  /// Proportional memory of this system's idle processes together, in MiB.
  func memory() throws -> Double {
    var total = 0.0
    for pid in try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap(Int32.init) {
      guard let line = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") else { continue }
      let words = line.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
      guard words.count > 1, words[0].hasSuffix("/rookery"), ["serve", "host", "gateway"].contains(words[1]),
        words.contains(where: { $0.hasPrefix(directory) })
      else { continue }
      let rollup = try String(contentsOfFile: "/proc/\(pid)/smaps_rollup", encoding: .utf8)
      let pss = rollup.split(separator: "\n").first { $0.hasPrefix("Pss:") }?.split(separator: " ").dropFirst().first
      total += (pss.flatMap { Double($0) } ?? 0) / 1024
    }
    return total
  }
}
