import RookeryModel

/// What the server asks of the part that installs agents.
package protocol AgentControl: Sendable {
  /// Every agent that is configured or shipped.
  func list() async throws -> [AgentSummary]
  /// Installs an agent; `progress` gets each line of the log. Returns nil when the agent has nothing to install. Cancelled, it
  /// leaves nothing behind. Throws `agentUnknown`, or why it failed.
  func install(_ name: AgentName, progress: @escaping @Sendable (BuildLine) -> Void) async throws -> BundleManifest?
}
