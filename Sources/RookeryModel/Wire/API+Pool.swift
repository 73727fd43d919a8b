import Foundation

extension API {
  /// `POST /v1/warm`: a client's hint that a session of this repository is about to begin.
  public struct Warm: Sendable, Codable, Equatable {
    public var repository: RepositoryName
    public init(repository: RepositoryName) { self.repository = repository }
  }

  /// `GET /v1/repositories/{name}/pool`: the sandboxes that wait for the repository's next sessions.
  public struct Pool: Sendable, Codable, Equatable {
    public var repository: RepositoryName
    /// What the configuration asks for; 0 switches the pool off.
    public var size: Int
    /// How many are kept at the moment, which follows demand and the memory budget.
    public var target: Int
    public var sandboxes: [WarmSandbox]
    /// Why the newest preparation failed, until one succeeds.
    public var problem: RookeryError?
    public init(repository: RepositoryName, size: Int, target: Int, sandboxes: [WarmSandbox], problem: RookeryError? = nil) {
      self.repository = repository
      self.size = size
      self.target = target
      self.sandboxes = sandboxes
      self.problem = problem
    }

    /// Those that a session can claim now.
    public var ready: Int { sandboxes.count { $0.state == .ready } }
  }

  /// One sandbox of a pool.
  public struct WarmSandbox: Sendable, Codable, Equatable {
    public enum State: String, Sendable, Codable { case preparing, ready, claimed, retiring }
    public var sandbox: SandboxID
    public var state: State
    public var image: ImageID
    /// The commit that its working copy is at, once it is ready.
    public var commit: String?
    /// The agent whose process waits in it.
    public var agent: AgentName?
    public var began: Date
    /// MiB of memory that it keeps from others, where the host says so.
    public var memoryMB: Int?
    public init(
      sandbox: SandboxID, state: State, image: ImageID, commit: String?, agent: AgentName?, began: Date, memoryMB: Int?
    ) {
      self.sandbox = sandbox
      self.state = state
      self.image = image
      self.commit = commit
      self.agent = agent
      self.began = began
      self.memoryMB = memoryMB
    }
  }
}
