import Foundation
import RookeryModel
import RookeryTestSupport

/// Python packages installed once for these tests, outside any sandbox, in a cache that survives them.
enum PythonAgents {
  struct NotInstalled: Error, CustomStringConvertible { var description: String }

  private static var cache: String {
    let environment = ProcessInfo.processInfo.environment
    return environment["ROOKERY_TEST_CACHE"] ?? (environment["XDG_CACHE_HOME"] ?? NSHomeDirectory() + "/.cache") + "/rookery-tests"
  }

  /// The directory of a virtual environment that holds `requirements`. Safe to interrupt, and to call from several processes.
  static func environment(_ name: String, _ requirements: [String]) async throws -> String {
    let path = "\(cache)/\(name)"
    try await prepare(
      path, #"python3 -m venv --clear "$0" && "$0/bin/pip" install --quiet --disable-pip-version-check "$@""#, requirements)
    return path
  }

  /// The directory of a package's source as published.
  static func source(_ requirement: String) async throws -> String {
    let path = "\(cache)/source-\(requirement.filter { $0.isLetter || $0.isNumber })"
    try await prepare(
      path,
      #"""
      rm -rf "$0" && mkdir -p "$0" && python3 -m pip download --quiet --disable-pip-version-check --no-deps --no-binary :all: \
        -d "$0" "$@" && tar -xzf "$0"/*.tar.gz -C "$0" --strip-components 1
      """#, [requirement])
    return path
  }

  private static func prepare(_ path: String, _ script: String, _ arguments: [String]) async throws {
    try FileManager.default.createDirectory(atPath: cache, withIntermediateDirectories: true)
    let guarded = #"[ -f "$0.complete" ] || { \#(script) && touch "$0.complete"; }"#
    let result = try await Command.run(
      ["flock", path + ".lock", "sh", "-c", guarded, path] + arguments,
      environment: ProcessInfo.processInfo.environment, timeout: .seconds(900))
    guard result.status == 0 else { throw NotInstalled(description: "\(arguments): \(result.text)") }
  }
}
