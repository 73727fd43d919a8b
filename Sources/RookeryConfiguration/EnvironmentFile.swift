import Foundation
import RookeryModel

/// `.rookery/environment.yaml` in a repository: how it is set up. Unknown keys are refused with a suggestion.
public struct EnvironmentFile: Sendable, Codable, Equatable {
  public static let path = ".rookery/environment.yaml"

  /// Shell commands run as root in the image's build, in the repository's directory, in order. They run offline.
  public var setup: [String] = []
  /// Variables for setup and for agents.
  public var env: [String: String] = [:]
  public var agent: AgentName?
  /// What it asks for; the server's configuration bounds it.
  public var limits: RequestedLimits?

  public struct RequestedLimits: Sendable, Codable, Equatable {
    public var memoryMB: Int?
    public var cpus: Double?
    public var processes: Int?
    public var diskMB: Int?
    public var runtimeSeconds: Int?
    public init() {}
  }

  public init() {}
}
