/// Every key of the configuration, by section. What is not here is refused; what is here stands in docs/configuration.md.
enum ConfigurationKeys {
  enum Root: String, ConfigurationKey {
    case server, network, model, sandbox, snapshots, images, pool, repositories, agents, secrets, github
  }

  enum Server: String, ConfigurationKey {
    case host, port
    case allowedHosts = "allowed_hosts"
    case externalURL = "external_url"
    case trustedProxies = "trusted_proxies"
    case tls
    case secretsKeyFile = "secrets_key_file"
  }

  enum TLS: String, ConfigurationKey {
    case certificateFile = "certificate_file"
    case keyFile = "key_file"
  }

  enum Network: String, ConfigurationKey {
    case privateHosts = "private_hosts"
    case hosts, registries
  }

  enum WireSecret: String, ConfigurationKey {
    case env, file, hosts, header, format
    case basicUser = "basic_user"
  }

  enum Model: String, ConfigurationKey {
    case wire, url, name
    case keyFile = "key_file"
    case tokensPerSession = "tokens_per_session"
    case otherNames = "other_names"
    case budget = "budget_usd_per_session"
    case prices, allow
  }

  enum ModelPrice: String, ConfigurationKey { case input, output }

  enum Sandbox: String, ConfigurationKey {
    case base, limits
    case blockedCommands = "blocked_commands"
    case idlePauseSeconds = "idle_pause_seconds"
    case idleReleaseSeconds = "idle_release_seconds"
  }

  enum Snapshots: String, ConfigurationKey {
    case perSession = "per_session"
    case maximumAgeDays = "max_age_days"
    case maximumTotalMB = "max_total_mb"
  }

  enum Images: String, ConfigurationKey {
    case keep, layers
    case intervalSeconds = "interval_seconds"
    case longestWaitSeconds = "longest_wait_seconds"
    case buildsAtOnce = "builds_at_once"
    case commandSeconds = "command_seconds"
    case maxAgeDays = "max_age_days"
    case maxTotalMB = "max_total_mb"
    case minFreeMB = "min_free_mb"
    case scanAllow = "scan_allow"
  }

  enum Pool: String, ConfigurationKey {
    case size
    case maximumAgeMinutes = "max_age_minutes"
    case memoryMB = "memory_mb"
    case atOnce = "at_once"
  }

  /// What a repository's entry can say of its own pool.
  enum RepositoryPool: String, ConfigurationKey {
    case size
    case maximumAgeMinutes = "max_age_minutes"
  }

  enum Limits: String, ConfigurationKey {
    case memoryMB = "memory_mb"
    case cpus, processes
    case diskMB = "disk_mb"
    case runtimeSeconds = "runtime_seconds"
    case inodes
    case openFiles = "open_files"
  }

  enum Repository: String, ConfigurationKey {
    case url, hosts, secrets
    case requestableHosts = "requestable_hosts"
    case exposedSecrets = "exposed_secrets"
    case limits, agent, forge, pool
    case blockedCommands = "blocked_commands"
    case gitUser = "git_user"
    case gitTokenEnv = "git_token_env"
    case gitTokenFile = "git_token_file"
    case allowWorkflowChanges = "allow_workflow_changes"
    case pullRequestBase = "pull_request_base"
  }

  enum Forge: String, ConfigurationKey {
    case kind, repository
    case apiURL = "api_url"
  }

  enum Agents: String, ConfigurationKey {
    case defaultAgent = "default_agent"
    case definitions
  }

  enum Agent: String, ConfigurationKey { case name, title, wire, model, python, argv, environment, litter }

  enum GitHub: String, ConfigurationKey {
    case userTokensFile = "user_tokens_file"
    case apiURL = "api_url"
    case webURL = "web_url"
    case app
    case signIn = "sign_in"
    case pullRequests = "pull_requests"
    case commits, mentions
    case failedChecks = "failed_checks"
  }

  enum GitHubApp: String, ConfigurationKey {
    case id, slug
    case privateKeyFile = "private_key_file"
    case privateKeyEnv = "private_key_env"
    case clientID = "client_id"
    case clientSecretFile = "client_secret_file"
    case clientSecretEnv = "client_secret_env"
    case webhookSecretFile = "webhook_secret_file"
    case webhookSecretEnv = "webhook_secret_env"
  }

  enum SignIn: String, ConfigurationKey { case organisations, teams, logins, admins }

  enum PullRequests: String, ConfigurationKey {
    case draft
    case withoutAccount = "without_account"
  }

  enum Commits: String, ConfigurationKey {
    case signOff = "sign_off"
    case coAuthor = "co_author"
  }

  enum Environment: String, ConfigurationKey {
    case base, packages, setup, inputs, build, warm, start, env, secrets, hosts, ports, agent, limits
  }

  enum Packages: String, ConfigurationKey { case apt, pip, npm }

  enum Service: String, ConfigurationKey {
    case name, run, ready, user
    case timeoutSeconds = "timeout_seconds"
  }

  enum Readiness: String, ConfigurationKey { case port, command }

  enum SecretRequest: String, ConfigurationKey { case name, hosts, exposed }

  /// Every key of the configuration file with its section, as the document names it.
  static var documented: [String] {
    paths(Root.self, "") + paths(Server.self, "server.") + paths(Network.self, "network.") + paths(Model.self, "model.")
      + paths(ModelPrice.self, "model.prices.NAME.") + paths(WireSecret.self, "secrets.NAME.")
      + paths(Sandbox.self, "sandbox.") + paths(Limits.self, "sandbox.limits.") + paths(Snapshots.self, "snapshots.")
      + paths(Images.self, "images.") + paths(Pool.self, "pool.") + paths(RepositoryPool.self, "repositories.NAME.pool.")
      + paths(Repository.self, "repositories.NAME.")
      + paths(Forge.self, "repositories.NAME.forge.") + paths(Agents.self, "agents.") + paths(Agent.self, "agents.definitions[].")
      + paths(GitHub.self, "github.") + paths(GitHubApp.self, "github.app.") + paths(SignIn.self, "github.sign_in.")
      + paths(PullRequests.self, "github.pull_requests.") + paths(Commits.self, "github.commits.") + paths(TLS.self, "server.tls.")
  }

  /// Every key of `.rookery/environment.yaml`.
  static var documentedEnvironment: [String] {
    paths(Environment.self, "") + paths(Packages.self, "packages.") + paths(Service.self, "start[].")
      + paths(Readiness.self, "start[].ready.") + paths(SecretRequest.self, "secrets[].") + paths(Limits.self, "limits.")
  }

  private static func paths<Key: ConfigurationKey>(_: Key.Type, _ prefix: String) -> [String] {
    Key.allCases.map { prefix + $0.rawValue }
  }
}

/// The environment variables that the configuration reads.
enum ConfigurationVariable: String, CaseIterable {
  case modelURL = "ROOKERY_MODEL_URL"
  case modelKey = "ROOKERY_MODEL_KEY"
  case modelName = "ROOKERY_MODEL"
  case modelWire = "ROOKERY_MODEL_WIRE"
  case anthropicKey = "ANTHROPIC_API_KEY"
  case openAIKey = "OPENAI_API_KEY"
  case githubToken = "ROOKERY_GITHUB_TOKEN"
  case secretsKeys = "ROOKERY_SECRETS_KEYS"
}

extension Configuration {
  /// The environment variables that may hold secrets or choose the model: those that `serve` is started with, beside the ones
  /// that the file names as `git_token_env`.
  public static var environmentVariables: [String] { ConfigurationVariable.allCases.map(\.rawValue) }
}
