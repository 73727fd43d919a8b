import Foundation

extension API {
  /// A line of the answer to `POST /v1/agents/{name}/install`, which is newline-delimited JSON. The last line, and only that, has
  /// `installed` or `error`.
  public struct InstallProgress: Sendable, Codable, Equatable {
    /// What the installation printed.
    public var line: BuildLine?
    public var installed: AgentName?
    public var error: RookeryError?
    public init(line: BuildLine? = nil, installed: AgentName? = nil, error: RookeryError? = nil) {
      self.line = line
      self.installed = installed
      self.error = error
    }
  }
}
