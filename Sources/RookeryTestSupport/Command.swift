import Foundation
import RookeryRehearsal

/// A program run to its end, for tests.
package enum Command {
  package struct Result: Sendable {
    /// The exit code, or 128 + the signal that ended it.
    package var status: Int32
    package var output: String
    package var errorOutput: String
    /// Output and errors, for a failure's message.
    package var text: String { "exit \(status)\n\(output)\n\(errorOutput)" }
  }

  package struct Failed: Error, CustomStringConvertible {
    package var description: String
    package init(description: String) { self.description = description }
  }

  /// Runs `arguments` (found on the usual path) with an environment that holds nothing of the caller's, and git identity and
  /// configuration of its own. It is killed when the task is cancelled or after `timeout`.
  package static func run(
    _ arguments: [String], in directory: String? = nil, environment: [String: String] = [:], input: [UInt8] = [],
    timeout: Duration = .seconds(120)
  ) async throws -> Result {
    let (spool, errors) = (try SpoolFile(), try SpoolFile())
    try await spool.append(input)
    spool.rewind()
    return try await within(timeout) {
      let child = try ChildProcess(
        arguments: ["/usr/bin/env"] + (directory.map { ["-C", $0] } ?? []) + arguments,
        environment: self.environment.merging(environment) { $1 }, input: spool.descriptor, errors: errors.descriptor)
      var output: [UInt8] = []
      while true {
        let bytes = try await child.read()
        if bytes.isEmpty { break }
        output += bytes
      }
      let status = try await child.wait()
      return Result(
        status: status, output: String(decoding: output, as: UTF8.self),
        errorOutput: String(decoding: try await errors.contents(limit: 1 << 22), as: UTF8.self))
    }
  }

  /// As above; throws `Failed` when it fails, and returns what it printed.
  @discardableResult
  package static func output(
    _ arguments: [String], in directory: String? = nil, environment: [String: String] = [:], input: [UInt8] = [],
    timeout: Duration = .seconds(120)
  ) async throws -> String {
    let result = try await run(arguments, in: directory, environment: environment, input: input, timeout: timeout)
    guard result.status == 0 else { throw Failed(description: "\(arguments.joined(separator: " ")): \(result.text)") }
    return result.output
  }

  /// Runs git and returns what it printed; throws `Failed` when it fails.
  @discardableResult
  package static func git(
    _ arguments: [String], in directory: String? = nil, environment: [String: String] = [:], input: [UInt8] = [],
    timeout: Duration = .seconds(120)
  ) async throws -> String {
    try await output(["git"] + arguments, in: directory, environment: environment, input: input, timeout: timeout)
  }

  private static let environment = [
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/nonexistent", "LC_ALL": "C.UTF-8",
    "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0", "GIT_AUTHOR_NAME": "Test", "GIT_AUTHOR_EMAIL": "test@example.org",
    "GIT_COMMITTER_NAME": "Test", "GIT_COMMITTER_EMAIL": "test@example.org",
  ]
}
