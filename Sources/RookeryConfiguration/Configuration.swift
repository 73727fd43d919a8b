import Foundation
import RookeryModel

/// The server's configuration: one YAML file plus environment variables. docs/configuration.md lists every key.
///
/// It is not Codable: only `load(file:environment:)` makes one from text, and what holds secrets is never written out.
public struct Configuration: Sendable, Equatable {
  public var server = Server()
  public var network = Network()
  public var model: Model?
  public var sandbox = Sandbox()
  public var snapshots = Snapshots()
  public var images = Images()
  public var pool = Pool()
  /// By repository name; a repository needs an entry only where it needs a credential or other limits.
  public var repositories: [RepositoryName: RepositorySettings] = [:]
  public var agents = Agents()
  /// What sandboxes may use without seeing it, by name.
  public var secrets: [String: WireSecret] = [:]
  public var github = GitHub()
  /// The environment variables that `git_token_env` names: what the server must be started with.
  public var tokenVariables: [String] = []

  public init() {}

  public struct Server: Sendable, Equatable {
    /// Address to listen on; anything but loopback needs `allowed_hosts`.
    public var host = "127.0.0.1"
    public var port = 8080
    /// `Host` headers that are answered beside `localhost`, `127.0.0.1` and `[::1]`.
    public var allowedHosts: [String] = []
    /// Where people reach the server, for links; derived from host and port when absent.
    public var externalURL: String?
    /// Addresses of proxies whose word about the client's address is taken.
    public var trustedProxies: [AddressRange] = []
    /// TLS that the server ends itself; nil: it speaks plain HTTP.
    public var tls: TLS?
    /// The keys that secrets are encrypted under at rest; nil: the server makes a file of its own.
    public var secretsKeys: SecretsKeys?
    public init() {}
  }

  public struct Network: Sendable, Equatable {
    /// `host:port` pairs on private or loopback addresses that git and model traffic may go to.
    public var privateHosts: [String] = []
    /// Hosts that every sandbox may reach.
    public var hosts: [HostPattern] = []
    /// Addresses of package registries that every sandbox may read, beside those that its base is configured for.
    public var registries: [String] = []
    public init() {}
  }

  /// The model API that agents reach through the gateway.
  public struct Model: Sendable, Equatable {
    public enum Wire: String, Sendable, Codable, CaseIterable { case openai, anthropic }
    public var wire: Wire
    /// Origin and prefix without `/v1`: `https://api.openai.com`.
    public var url: String
    public var name: String
    /// From `ROOKERY_MODEL_KEY`, `OPENAI_API_KEY`, `ANTHROPIC_API_KEY` or `key_file`; never written in the file itself.
    /// Empty for an API that wants none.
    public var key: Secret
    public var tokensPerSession: Int?
    /// Other models of the same API that agents may ask for.
    public var otherNames: [String] = []
    /// By model name.
    public var prices: [String: Grant.Model.Price] = [:]
    /// Millionths of a US dollar that a session may spend.
    public var budgetMicroUSD: Int?
    /// What the model's provider may do beyond answering.
    public var reach: Set<Grant.Model.Reach> = []
    public init(wire: Wire, url: String, name: String, key: Secret, tokensPerSession: Int? = nil) {
      self.wire = wire
      self.url = url
      self.name = name
      self.key = key
      self.tokensPerSession = tokensPerSession
    }
  }

  public struct Sandbox: Sendable, Equatable {
    public var base: BaseName = defaultBase
    public var limits = Limits()
    /// Commands that explain themselves to agents instead of running.
    public var blockedCommands = ["curl", "ssh", "wget"]
    /// Seconds without a prompt until a sandbox stands still, and until it makes room and leaves a snapshot.
    public var idlePauseSeconds = 600
    public var idleReleaseSeconds = 3600
    public init() {}
  }

  /// How long sessions' snapshots are kept.
  public struct Snapshots: Sendable, Equatable {
    /// The newest ones of a session; at least one.
    public var perSession = 10
    public var maximumAgeDays = 90
    /// Of all sessions together, the oldest go first; nil: no bound.
    public var maximumTotalMB: Int?
    public init() {}
  }

  /// How images are built and kept.
  public struct Images: Sendable, Equatable {
    /// Seconds between two looks at a repository's tip; nil: only on demand.
    public var intervalSeconds: Int? = 1800
    /// How long the builder waits at most after repeated failures.
    public var longestWaitSeconds = 86_400
    /// Builds that run at once.
    public var buildsAtOnce = 2
    /// How long one `build` or `warm` command may take.
    public var commandSeconds = 1800
    /// Layers above the base after which an image is built anew from its base.
    public var layers = 30
    /// Earlier images that each repository keeps.
    public var keep = 2
    /// Days after which an earlier image goes, however few there are.
    public var maxAgeDays = 30
    /// MiB that all images may take before earlier ones go; nil: no bound.
    public var maxTotalMB: Int?
    /// MiB of free disk below which no image is built.
    public var minFreeMB = 2048
    /// Paths below which what looks like a credential is taken for an example. Secrets that the server knows are refused everywhere.
    public var scanAllow: [String] = []
    public init() {}
  }

  /// Commands that explain themselves in a repository's sandboxes.
  public func blockedCommands(for repository: RepositoryName) -> [String] {
    repositories[repository]?.blockedCommands ?? sandbox.blockedCommands
  }

  public struct RepositorySettings: Sendable, Equatable {
    /// The one address for which the credential is meant; nil: any under this name.
    public var url: String?
    /// Hosts that its sandboxes may reach.
    public var hosts: [HostPattern] = []
    /// Hosts that its environment file may ask for.
    public var requestableHosts: [HostPattern] = []
    /// Secrets that go to their hosts with its sandboxes' requests.
    public var secrets: [String] = []
    /// Secrets that its environment file may have as environment variables.
    public var exposedSecrets: [String] = []
    public var limits: Limits?
    /// Instead of the server's; empty: none.
    public var blockedCommands: [String]?
    public var agent: AgentName?
    /// User of HTTP basic authentication towards the git server; `x-access-token` suits GitHub.
    public var gitUser: String?
    /// The password or token, read from the environment variable `git_token_env` or the file `git_token_file`.
    public var gitToken: Secret?
    /// Opens pull requests through the forge's API; nil: a plain git remote, work ends at the pushed branch.
    public var forge: Forge?
    /// Whether sessions may change the forge's workflow files.
    public var allowsWorkflowChanges = false
    /// The branch that pull requests go to; nil: the default branch.
    public var pullRequestBase: String?
    /// Its pool of warm sandboxes, where it differs from the others'.
    public var pool: Pool.Kept?
    public init() {}
  }

  public struct Forge: Sendable, Equatable {
    public enum Kind: String, Sendable, Codable, CaseIterable { case github }
    public var kind: Kind
    /// `https://api.github.com` or a GitHub Enterprise base URL.
    public var apiURL: String
    /// `owner/name` at the forge.
    public var repository: String
    public init(kind: Kind, apiURL: String, repository: String) {
      self.kind = kind
      self.apiURL = apiURL
      self.repository = repository
    }
  }

  public struct Agents: Sendable, Equatable {
    /// The agent of sessions that name none, where the repository names none either; nil: the first that is installed.
    public var defaultAgent: AgentName?
    /// Entries beside (or instead of, by name) those that are shipped.
    public var definitions: [AgentDefinition] = []
    public init() {}
  }

  /// The base that `make setup` makes.
  public static let defaultBase: BaseName = {
    guard let name = BaseName(rawValue: "debian-bookworm") else { preconditionFailure("a valid literal") }
    return name
  }()
}
