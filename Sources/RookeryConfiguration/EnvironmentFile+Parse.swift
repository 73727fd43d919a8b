import Foundation
import RookeryModel

extension EnvironmentFile {
  /// Reads the file's text, which nobody vouches for. Throws `environmentInvalid` with line and key as the cause.
  public static func parse(yaml: String) throws -> EnvironmentFile {
    var file = EnvironmentFile()
    guard let root = try YAMLDocument(name: path, code: .environmentInvalid).root(of: yaml) else { return file }
    let section = try root.section(ConfigurationKeys.Environment.self)
    file.base = try section[.base]?.identifier(BaseKind.self)
    file.packages = try section[.packages].map(Packages.init) ?? Packages()
    file.setup = try section[.setup]?.commands() ?? []
    file.inputs = try section[.inputs]?.elements(limit: Bounds.inputs).map { try $0.repositoryPath() } ?? []
    file.build = try section[.build]?.commands() ?? []
    file.warm = try section[.warm]?.commands() ?? []
    file.start = try services(section[.start])
    if let value = section[.env] { file.env = try value.variables() }
    file.secrets = try secrets(section[.secrets])
    file.hosts = try section[.hosts]?.elements(limit: Bounds.hosts).map { try $0.hostPattern().description } ?? []
    file.ports = try section[.ports]?.elements(limit: Bounds.ports).map { try $0.integer(in: Bounds.port) } ?? []
    file.agent = try section[.agent]?.identifier(AgentKind.self)
    file.limits = try section[.limits].map(RequestedLimits.init)
    return file
  }

  /// How much of each a file may hold; docs/environment.schema.json says the same.
  enum Bounds {
    static let commands = 200
    static let commandBytes = 64 << 10
    static let inputs = 200
    static let packages = 500
    static let services = 32
    static let secrets = 64
    static let hosts = 200
    static let ports = 64
    static let port = 1...65535
    static let timeoutSeconds = 1...1800
  }

  private static func services(_ value: YAMLValue?) throws -> [Service] {
    var services: [Service] = []
    for entry in try value?.elements(limit: Bounds.services) ?? [] {
      let service = try Service(entry)
      guard !services.contains(where: { $0.name == service.name }) else {
        throw entry.failure("names “\(service.name)” a second time.", mend: "Give each service a name of its own.")
      }
      services.append(service)
    }
    return services
  }

  private static func secrets(_ value: YAMLValue?) throws -> [SecretRequest] {
    var secrets: [SecretRequest] = []
    for entry in try value?.elements(limit: Bounds.secrets) ?? [] {
      let secret = try SecretRequest(entry)
      guard !secrets.contains(where: { $0.name == secret.name }) else {
        throw entry.failure("names “\(secret.name)” a second time.", mend: "List all its hosts in one entry.")
      }
      secrets.append(secret)
    }
    return secrets
  }
}

extension EnvironmentFile.Packages {
  init(_ value: YAMLValue) throws {
    self.init()
    let section = try value.section(ConfigurationKeys.Packages.self)
    apt = try Self.names(section[.apt], PackageName.isApt, "such as git or libpq-dev=15.6-0")
    pip = try Self.names(section[.pip], PackageName.isPip, "such as requests or ruff==0.6.1")
    npm = try Self.names(section[.npm], PackageName.isNpm, "such as pnpm or @scope/tool@2")
  }

  private static func names(_ value: YAMLValue?, _ isName: (String) -> Bool, _ example: String) throws -> [String] {
    try value?.elements(limit: EnvironmentFile.Bounds.packages).map { entry in
      let text = try entry.line(limit: 200)
      guard isName(text) else { throw entry.failure("is not the name of a package.", mend: "Write one \(example).") }
      return text
    } ?? []
  }
}

/// What package managers take for a package and never for an option, a path or a shell's word.
enum PackageName {
  static func isApt(_ text: String) -> Bool { text.wholeMatch(of: /[a-z0-9][a-z0-9+.\-]*(:[a-z0-9]+)?(=[A-Za-z0-9.+:~\-]+)?/) != nil }
  static func isPip(_ text: String) -> Bool {
    text.wholeMatch(of: /[A-Za-z0-9][A-Za-z0-9._\-]*(\[[A-Za-z0-9._,\- ]+\])? *([=<>!~]=?=?[A-Za-z0-9.*+!,=<>~ ]+)?/) != nil
  }
  static func isNpm(_ text: String) -> Bool {
    text.wholeMatch(of: /(@[a-z0-9~][a-z0-9._~\-]*\/)?[a-z0-9~][a-z0-9._~\-]*(@[A-Za-z0-9^~<>=.*+\-]+)?/) != nil
  }
}

extension EnvironmentFile.Service {
  init(_ value: YAMLValue) throws {
    let section = try value.section(ConfigurationKeys.Service.self)
    let name = try section.required(.name)
    let text = try name.line(limit: 40)
    guard text.wholeMatch(of: /[a-z0-9][a-z0-9_\-]*/) != nil else {
      throw name.failure("is not a service's name.", mend: "Use a–z, 0–9, “-” and “_”.")
    }
    let ready = try section.required(.ready)
    let checks = try ready.section(ConfigurationKeys.Readiness.self)
    let readiness: Readiness
    switch (checks[.port], checks[.command]) {
    case (let port?, nil): readiness = .port(try port.integer(in: EnvironmentFile.Bounds.port))
    case (nil, let command?): readiness = .command(try command.command())
    default: throw ready.failure("must name either a port or a command.", mend: "Write “{port: 5432}” or “{command: pg_isready}”.")
    }
    self.init(
      name: text, command: try section.required(.run).command(), ready: readiness,
      timeoutSeconds: try section[.timeoutSeconds]?.integer(in: EnvironmentFile.Bounds.timeoutSeconds) ?? 60,
      root: try section[.user]?.choice(User.self) == .root)
  }

  enum User: String, CaseIterable { case agent, root }
}

extension EnvironmentFile.SecretRequest {
  init(_ value: YAMLValue) throws {
    let section = try value.section(ConfigurationKeys.SecretRequest.self)
    let exposed = try section[.exposed]?.boolean() ?? false
    let hosts = try section[.hosts]?.elements(limit: EnvironmentFile.Bounds.hosts).map { try $0.hostPattern().description } ?? []
    guard exposed || !hosts.isEmpty else {
      throw value.failure("says neither “hosts” nor “exposed: true”.", mend: "List the hosts that the secret may go to.")
    }
    self.init(name: try section.required(.name).variableName(), hosts: hosts, exposed: exposed)
  }
}

extension YAMLValue {
  /// A list of shell commands.
  func commands() throws -> [String] { try elements(limit: EnvironmentFile.Bounds.commands).map { try $0.command() } }

  /// One shell command, which may have several lines.
  func command() throws -> String {
    let text = try string()
    guard !text.allSatisfy(\.isWhitespace), text.utf8.count <= EnvironmentFile.Bounds.commandBytes, !text.utf8.contains(0) else {
      throw failure("is empty, too long or holds a NUL.", mend: "Write one shell command.")
    }
    return text
  }

  func boolean() throws -> Bool {
    switch try string() {
    case "true": return true
    case "false": return false
    default: throw failure("must be true or false.", mend: "Write true or false, unquoted.")
    }
  }

  /// The name of an environment variable.
  func variableName() throws -> String {
    let text = try line(limit: 255)
    guard text.wholeMatch(of: /[A-Za-z_][A-Za-z0-9_]*/) != nil else {
      throw failure("is not a name that an environment variable can have.", mend: "Use letters, digits and “_”.")
    }
    return text
  }

  /// A path inside the repository, without `.` and `..`.
  func repositoryPath() throws -> String {
    let text = try line(limit: 1024)
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard !text.hasPrefix("-"), !text.hasPrefix(":"), parts.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." }) else {
      throw failure("is not a path inside the repository.", mend: "Write one like “package-lock.json” or “tools/deps”.")
    }
    return text
  }
}
