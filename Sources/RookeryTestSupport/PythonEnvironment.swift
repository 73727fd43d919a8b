import Foundation
import HTTPTypes
import HummingbirdCore

/// Python packages that tests run beside the product, installed once in a cache that survives them.
package struct PythonEnvironment: Sendable {
  package let path: String

  /// A virtual environment that holds `requirements`. Safe to interrupt, and to call from several processes.
  package init(_ name: String, _ requirements: [String]) async throws {
    let environment = ProcessInfo.processInfo.environment
    let cache =
      environment["ROOKERY_TEST_CACHE"] ?? (environment["XDG_CACHE_HOME"] ?? NSHomeDirectory() + "/.cache") + "/rookery-tests"
    try FileManager.default.createDirectory(atPath: cache, withIntermediateDirectories: true)
    path = "\(cache)/\(name)"
    let script = #"""
      [ -f "$0.complete" ] || {
        python3 -m venv --clear "$0" && "$0/bin/pip" install --quiet --disable-pip-version-check "$@" && touch "$0.complete"
      }
      """#
    let result = try await Command.run(
      ["flock", path + ".lock", "sh", "-c", script, path] + requirements, environment: environment, timeout: .seconds(900))
    guard result.status == 0 else { throw Command.Failed(description: "\(requirements): \(result.text)") }
  }

  /// A program of the environment.
  package func program(_ name: String) -> String { "\(path)/bin/\(name)" }

  /// Runs a server of the environment while `body` runs. `arguments` gets a free port of loopback; `body` its address, once it answers.
  package func serving<Value: Sendable>(
    _ arguments: @Sendable (Int) -> [String], _ body: @escaping @Sendable (String) async throws -> Value
  ) async throws -> Value {
    // A port that was free a moment ago: these programs can't be handed a socket.
    let probe = try await LoopbackService.start { _, _ in .init(status: .ok) }
    let port = probe.port
    await probe.stop()
    let command = arguments(port)
    return try await withThrowingTaskGroup(of: Value?.self) { group in
      group.addTask {
        let result = try await Command.run(command, timeout: .seconds(170))
        throw Command.Failed(description: "\(command.joined(separator: " ")): \(result.text)")
      }
      group.addTask {
        try await eventually(timeout: .seconds(60), "the server on port \(port)") {
          try await Command.run(["curl", "-s", "-o", "/dev/null", "http://127.0.0.1:\(port)/"]).status == 0
        }
        return try await body("http://127.0.0.1:\(port)")
      }
      defer { group.cancelAll() }
      while let result = try await group.next() { if let result { return result } }
      throw CancellationError()
    }
  }
}
