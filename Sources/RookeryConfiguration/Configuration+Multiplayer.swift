import RookeryModel

extension Configuration {
  /// What holds for every session.
  public struct Sessions: Sendable, Equatable {
    /// Who may see a new session and work in it.
    public var access = SessionAccess.team
    /// Sessions that agents may start below one that a person started; 0: none.
    public var children = 0
    /// How deep they may stand below it.
    public var depth = 2
    public init() {}
  }

  /// What agents may do without being asked about it.
  public struct Permissions: Sendable, Equatable {
    public var policy = PermissionPolicy()
    /// Seconds after which a question that nobody answered gets the safe answer.
    public var timeoutSeconds = 300
    public init() {}
  }

  /// The permissions of a repository's agents.
  public func permissions(of repository: RepositoryName) -> Permissions { repositories[repository]?.permissions ?? permissions }
}

extension Configuration.Sessions {
  init(_ value: YAMLValue) throws {
    self.init()
    let section = try value.section(ConfigurationKeys.Sessions.self)
    if let value = section[.children] { children = try value.integer(in: 0...1000) }
    if let value = section[.depth] { depth = try value.integer(in: 1...10) }
    if let value = section[.access] { access = try value.choice(SessionAccess.self) }
  }
}

extension Configuration.Permissions {
  init(_ value: YAMLValue) throws {
    self.init()
    let section = try value.section(ConfigurationKeys.Permissions.self)
    if let value = section[.otherwise] { policy.otherwise = try value.choice(PermissionPolicy.Answer.self) }
    if let value = section[.timeoutSeconds] { timeoutSeconds = try value.integer(in: 1...86_400) }
    for entry in try section[.rules]?.elements(limit: 200) ?? [] {
      let rule = try entry.section(ConfigurationKeys.PermissionRule.self)
      policy.rules.append(
        PermissionPolicy.Rule(
          tool: try rule[.tool]?.line(limit: 300), kind: try rule[.kind]?.line(limit: 64), about: try rule[.about]?.line(limit: 1000),
          answer: try rule.required(.answer).choice(PermissionPolicy.Answer.self)))
    }
  }
}
