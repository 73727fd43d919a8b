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
  /// By repository name; a repository needs an entry only where it needs a credential or other limits.
  public var repositories: [RepositoryName: RepositorySettings] = [:]
  public var agents = Agents()
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
    public init() {}
  }

  public struct Network: Sendable, Equatable {
    /// `host:port` pairs on private or loopback addresses that git and model traffic may go to.
    public var privateHosts: [String] = []
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

  public struct RepositorySettings: Sendable, Equatable {
    public var limits: Limits?
    public var agent: AgentName?
    /// User of HTTP basic authentication towards the git server; `x-access-token` suits GitHub.
    public var gitUser: String?
    /// The password or token, read from the environment variable `git_token_env` or the file `git_token_file`.
    public var gitToken: Secret?
    /// Opens pull requests through the forge's API; nil: a plain git remote, work ends at the pushed branch.
    public var forge: Forge?
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

  public struct GitHub: Sendable, Equatable {
    /// Tokens of people, by e-mail in lower case, from `user_tokens_file`: pull requests are opened with the prompting
    /// author's own.
    public var userTokens: [String: Secret] = [:]
    /// `ROOKERY_GITHUB_TOKEN`: the local admin's, whose e-mail only the server knows.
    public var adminToken: Secret?
    public init() {}
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
