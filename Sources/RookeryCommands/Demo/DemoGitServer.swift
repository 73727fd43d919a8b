import RookeryModel
import RookeryRehearsal

/// The demo's git server, for the time of a body.
enum DemoGitServer {
  /// Serves the bare repositories in the directory on a free port of the loopback address while `body` runs.
  static func with(repositories: String, _ body: @escaping @Sendable (_ port: Int) async throws -> Void) async throws {
    let (ports, report) = AsyncStream<Int>.makeStream()
    try await withThrowingTaskGroup(of: Bool.self) { group in
      group.addTask {
        defer { report.finish() }
        try await GitHTTPServer(repositories: repositories).run { report.yield($0) }
        return false
      }
      group.addTask {
        for await port in ports {
          try await body(port)
          return true
        }
        return false
      }
      defer { group.cancelAll() }
      guard try await group.next() == true else {
        try Task.checkCancellation()
        throw RookeryError(.unavailable, "The demo's git server ended by itself.", mend: "Try again.")
      }
    }
  }
}
