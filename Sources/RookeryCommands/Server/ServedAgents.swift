import RookeryModel
import RookerySandbox
import RookeryServer

/// Agents as the API offers them.
struct ServedAgents: AgentControl {
  let installer: AgentInstaller

  func list() async throws -> [AgentSummary] { try await installer.list() }

  func install(_ agent: AgentName) -> AsyncThrowingStream<String, any Error> {
    // A reader that is slow misses lines, never the end.
    let (lines, continuation) = AsyncThrowingStream<String, any Error>.makeStream(bufferingPolicy: .bufferingNewest(1000))
    // Not bound to the reader: an installation goes on when its terminal is closed.
    Task {
      do {
        _ = try await installer.install(agent) { continuation.yield("\($0.step): \($0.text)") }
        continuation.finish()
      } catch {
        continuation.finish(throwing: error)
      }
    }
    return lines
  }
}

extension RepositoryService: RepositoryControl {}
