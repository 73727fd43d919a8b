import RookeryModel

/// What the server asks of the part that installs agents.
package protocol AgentControl: Sendable {
  /// Every agent that is configured or shipped, by name.
  func list() async throws -> [AgentSummary]
  /// Installs an agent and says what happens, line by line; the stream ends when the agent is installed. Cancelling the
  /// consumer does not undo an installation. Throws `agentUnknown`.
  func install(_ agent: AgentName) -> AsyncThrowingStream<String, any Error>
}
