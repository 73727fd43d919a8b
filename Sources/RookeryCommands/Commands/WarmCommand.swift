import ArgumentParser
import Foundation
import RookeryModel

/// `rookery warm`
struct WarmCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "warm", abstract: "Have a sandbox ready for the next session of a repository.",
    discussion: "Returns at once; “rookery repo show” says what waits.")

  @Argument(help: "The repository's name.") var repository: RepositoryName
  @OptionGroup var server: ServerOptions
  @OptionGroup var output: JSONOption

  func run() async throws {
    let terminal = Terminal()
    let request = API.Warm(repository: repository)
    let pool = try await server.client { try await $0.post("/v1/warm", request, as: API.Pool.self) }
    if output.json { return try terminal.json(pool) }
    terminal.line(Self.summary(pool))
  }

  /// `2 ready, 1 being prepared`
  static func summary(_ pool: API.Pool) -> String {
    guard pool.size > 0 else { return "switched off (pool.size is 0)" }
    let preparing = pool.sandboxes.count { $0.state == .preparing }
    var parts = ["\(pool.ready) ready"]
    if preparing > 0 { parts.append("\(preparing) being prepared") }
    let memory = pool.sandboxes.compactMap(\.memoryMB).reduce(0, +)
    if memory > 0 { parts.append("\(memory) MiB") }
    return parts.joined(separator: ", ")
  }
}
