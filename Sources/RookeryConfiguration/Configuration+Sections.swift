import Foundation
import RookeryModel

extension Configuration.Server {
  init(_ value: YAMLValue) throws {
    self.init()
    let section = try value.section(ConfigurationKeys.Server.self)
    if let value = section[.host] { host = try value.line(limit: 255) }
    if let value = section[.port] { port = try value.integer(in: 0...65535) }
    if let value = section[.allowedHosts] { allowedHosts = try value.elements().map { try $0.hostName() } }
    if let value = section[.externalURL] { externalURL = try value.webAddress().text }
    if let value = section[.trustedProxies] { trustedProxies = try value.elements(limit: 100).map { try $0.addressRange() } }
    tls = try section[.tls].map(Configuration.TLS.init)
    secretsKeys = try section[.secretsKeyFile].map { .file(try SecretFile($0).checkedPath()) }
    let isLoopback = host == "localhost" || host == "::1" || host == "[::1]" || host.hasPrefix("127.")
    guard isLoopback || !allowedHosts.isEmpty else {
      throw (section[.host] ?? value).failure(
        "opens the server to the network, but server.allowed_hosts is empty.",
        mend: "List the names under which people reach it in server.allowed_hosts, and put TLS in front of it.")
    }
  }
}

extension Configuration.Network {
  init(_ value: YAMLValue) throws {
    self.init()
    let section = try value.section(ConfigurationKeys.Network.self)
    if let value = section[.privateHosts] { privateHosts = try value.elements().map { try $0.hostAndPort() } }
    if let value = section[.hosts] { hosts = try value.elements(limit: 500).map { try $0.hostPattern() } }
    if let value = section[.registries] { registries = try value.elements(limit: 50).map { try $0.webAddress().text } }
  }
}

extension Configuration.Sandbox {
  init(_ value: YAMLValue) throws {
    self.init()
    let section = try value.section(ConfigurationKeys.Sandbox.self)
    if let value = section[.base] { base = try value.identifier(BaseKind.self) }
    if let value = section[.limits] { limits = try Limits(value, defaults: limits) }
    if let value = section[.blockedCommands] { blockedCommands = try value.commandNames() }
    if let value = section[.idlePauseSeconds] { idlePauseSeconds = try value.integer(in: 1...86_400) }
    if let value = section[.idleReleaseSeconds] { idleReleaseSeconds = try value.integer(in: 1...86_400) }
  }
}

extension Configuration.Snapshots {
  init(_ value: YAMLValue) throws {
    self.init()
    let section = try value.section(ConfigurationKeys.Snapshots.self)
    if let value = section[.perSession] { perSession = try value.integer(in: 1...10_000) }
    if let value = section[.maximumAgeDays] { maximumAgeDays = try value.integer(in: 1...36_500) }
    maximumTotalMB = try section[.maximumTotalMB]?.integer(in: 1...1_000_000_000)
  }
}

extension YAMLValue {
  /// Names of programs; an empty list is one.
  func commandNames() throws -> [String] {
    try elements(limit: 64).map { element in
      let name = try element.line(limit: 64)
      let allowed = name.utf8.allSatisfy { byte in
        (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
          || [0x2b, 0x2d, 0x2e, 0x5f].contains(byte)
      }
      guard allowed, !name.isEmpty, name != ".", name != "..", !["sh", "dash", "bash", "busybox", "env"].contains(name) else {
        throw element.failure(
          "is no program that can be blocked.", mend: "Give names such as curl, without paths; shells can't be blocked.")
      }
      return name
    }
  }
}

extension Limits {
  /// What is allowed for each limit, in a repository's file as in the server's configuration.
  enum Bounds {
    static let memoryMB = 64...1_048_576
    static let cpus = 0.1...1024.0
    static let processes = 16...4_194_304
    static let diskMB = 64...16_777_216
    static let runtimeSeconds = 10...14_400
    static let inodes = 1000...10_000_000
    static let openFiles = 64...1_048_576
  }

  init(_ value: YAMLValue, defaults: Limits) throws {
    self = defaults
    let asked = try EnvironmentFile.RequestedLimits(value)
    if let value = asked.memoryMB { memoryMB = value }
    if let value = asked.cpus { cpus = value }
    if let value = asked.processes { processes = value }
    if let value = asked.diskMB { diskMB = value }
    if let value = asked.runtimeSeconds { runtimeSeconds = value }
    if let value = asked.inodes { inodes = value }
    if let value = asked.openFiles { openFiles = value }
  }
}

extension EnvironmentFile.RequestedLimits {
  init(_ value: YAMLValue) throws {
    self.init()
    let section = try value.section(ConfigurationKeys.Limits.self)
    memoryMB = try section[.memoryMB]?.integer(in: Limits.Bounds.memoryMB)
    cpus = try section[.cpus]?.number(in: Limits.Bounds.cpus)
    processes = try section[.processes]?.integer(in: Limits.Bounds.processes)
    diskMB = try section[.diskMB]?.integer(in: Limits.Bounds.diskMB)
    runtimeSeconds = try section[.runtimeSeconds]?.integer(in: Limits.Bounds.runtimeSeconds)
    inodes = try section[.inodes]?.integer(in: Limits.Bounds.inodes)
    openFiles = try section[.openFiles]?.integer(in: Limits.Bounds.openFiles)
  }
}

extension Configuration.RepositorySettings {
  /// Limits that are not named keep `defaults`.
  init(_ value: YAMLValue, defaults: Limits, environment: [String: String]) throws {
    self.init()
    let section = try value.section(ConfigurationKeys.Repository.self)
    limits = try section[.limits].map { try Limits($0, defaults: defaults) }
    url = try section[.url]?.webAddress().text
    if let value = section[.hosts] { hosts = try value.elements(limit: 500).map { try $0.hostPattern() } }
    if let value = section[.requestableHosts] { requestableHosts = try value.elements(limit: 500).map { try $0.hostPattern() } }
    if let value = section[.secrets] { secrets = try value.elements(limit: 100).map { try $0.secretName() } }
    if let value = section[.exposedSecrets] { exposedSecrets = try value.elements(limit: 100).map { try $0.secretName() } }
    blockedCommands = try section[.blockedCommands]?.commandNames()
    agent = try section[.agent]?.identifier(AgentKind.self)
    gitUser = try section[.gitUser]?.line(limit: 255)
    forge = try section[.forge].map(Configuration.Forge.init)
    allowsWorkflowChanges = try section[.allowWorkflowChanges]?.boolean() ?? false
    pullRequestBase = try section[.pullRequestBase]?.line(limit: 200)
    switch (section[.gitTokenEnv], section[.gitTokenFile]) {
    case (nil, nil): break
    case (let name?, nil):
      let variable = try name.line(limit: 255)
      guard let text = environment[variable], SecretText.isValid(text) else {
        throw name.failure(
          "names the environment variable \(variable), which is not set or holds no token.",
          mend: "Set it where Rookery is started, or use git_token_file.")
      }
      gitToken = Secret(text)
    case (nil, let path?): gitToken = try SecretFile(path).secret()
    case (_?, _?):
      throw value.failure("has both git_token_env and git_token_file.", mend: "Keep one of them.")
    }
    if gitUser?.contains(":") == true {
      throw (section[.gitUser] ?? value).failure("holds a colon.", mend: "Give the user alone; the token has a key of its own.")
    }
  }
}

extension Configuration.Forge {
  init(_ value: YAMLValue) throws {
    let section = try value.section(ConfigurationKeys.Forge.self)
    kind = try section.required(.kind).choice(Kind.self)
    apiURL = try section[.apiURL]?.webAddress().text ?? "https://api.github.com"
    let path = try section.required(.repository)
    repository = try path.line(limit: 200)
    let parts = repository.split(separator: "/", omittingEmptySubsequences: false)
    func fits(_ part: Substring) -> Bool {
      !part.isEmpty && part != "." && part != ".."
        && part.utf8.allSatisfy { byte in
          (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte) || [0x2d, 0x2e, 0x5f].contains(byte)
        }
    }
    guard parts.count == 2, parts.allSatisfy(fits) else {
      throw path.failure("is not of the form owner/name.", mend: "Write it as in the address of the repository's page.")
    }
  }
}
