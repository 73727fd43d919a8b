import Foundation
import RookeryModel

/// `.rookery/environment.yaml` in a repository: how it is set up. Unknown keys are refused with a suggestion.
public struct EnvironmentFile: Sendable, Codable, Equatable {
  public static let path = ".rookery/environment.yaml"

  /// What the image is built on, where it is not the server's default.
  public var base: BaseName?
  public var packages = Packages()
  /// Shell commands run as root in the image's build, in the repository's directory, in order.
  public var setup: [String] = []
  /// Files and directories of the repository that decide what setup does, lock files for instance. While none of them changes,
  /// setup is not run again on an earlier image; without any, it always is.
  public var inputs: [String] = []
  /// Run as the agent's user after setup, at each build of an image.
  public var build: [String] = []
  /// Commands that must end, which fill caches: a test run, a start of the development server.
  public var warm: [String] = []
  /// The repository's own services, run in every sandbox.
  public var start: [Service] = []
  /// Variables for setup and for agents.
  public var env: [String: String] = [:]
  /// What it asks for; the server's configuration grants it or not.
  public var secrets: [SecretRequest] = []
  /// Hosts that it asks to reach: `name`, `*.name`, or either with `:port`.
  public var hosts: [String] = []
  /// Ports on which its services answer inside a sandbox.
  public var ports: [Int] = []
  public var agent: AgentName?
  /// What it asks for; the server's configuration bounds it.
  public var limits: RequestedLimits?

  public struct Packages: Sendable, Codable, Equatable {
    public var apt: [String] = []
    public var pip: [String] = []
    public var npm: [String] = []
    public init() {}
  }

  public struct Service: Sendable, Codable, Equatable {
    /// Tells when it can be used.
    public enum Readiness: Sendable, Codable, Equatable {
      /// A command that succeeds.
      case command(String)
      /// A TCP port on the sandbox's loopback that accepts.
      case port(Int)
    }
    public var name: String
    public var command: String
    public var ready: Readiness
    /// Until it counts as failed.
    public var timeoutSeconds: Int
    /// Whether it runs as root inside, not as the agent's user.
    public var root: Bool
    public init(name: String, command: String, ready: Readiness, timeoutSeconds: Int = 60, root: Bool = false) {
      self.name = name
      self.command = command
      self.ready = ready
      self.timeoutSeconds = timeoutSeconds
      self.root = root
    }
  }

  public struct SecretRequest: Sendable, Codable, Equatable {
    public var name: String
    /// Where it may go; the proxy places it on the wire there.
    public var hosts: [String]
    /// Whether it must be an environment variable of that name, readable by the agent.
    public var exposed: Bool
    public init(name: String, hosts: [String], exposed: Bool = false) {
      self.name = name
      self.hosts = hosts
      self.exposed = exposed
    }
  }

  public struct RequestedLimits: Sendable, Codable, Equatable {
    public var memoryMB: Int?
    public var cpus: Double?
    public var processes: Int?
    public var diskMB: Int?
    public var runtimeSeconds: Int?
    public var inodes: Int?
    public var openFiles: Int?
    public var outputKBPerSecond: Int?
    public init() {}
  }

  public init() {}
}
